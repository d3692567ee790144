// A packager hands off what developers signed: on the packager's own machine, to users who build on
// theirs.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import * as nix from '../support/expressions.ts'
import { isValid } from '../support/scene.ts'
import { ATTESTATIONS, byDefault, policyText, setPolicy, sha256 } from '../support/trust.ts'
import { NEWEST, type Outcome, type World, withWorld } from '../support/world.ts'

const dir = mkdtempSync('/tmp/nixsig-handoff-test-')
after(() => rmSync(dir, { recursive: true, force: true }))

const RELEASE = 'the developer wrote this\n'
const PATCH = 'somebody wrote that\n'

/** A minisign key, as a policy takes it, and a signature over some contents. */
function minisign(name: string) {
  const file = (end: string) => join(dir, `${name}.${end}`)
  execFileSync('minisign', ['-G', '-W', '-f', '-p', file('pub'), '-s', file('key')], { stdio: 'ignore' })
  const [, key = ''] = readFileSync(file('pub'), 'utf8').split('\n')
  return {
    key: `minisign:${key}`,
    sign: (contents: string): Uint8Array => {
      writeFileSync(file('signed'), contents)
      execFileSync('minisign', ['-S', '-W', '-s', file('key'), '-m', file('signed'), '-x', file('sig')])
      return readFileSync(file('sig'))
    },
  }
}

const alice = minisign('alice')
const mallory = minisign('mallory')

/** A package of a release and a patch, neither of which has been fetched. */
function writePackage(world: World): void {
  world.write('/srv/tool.tar', RELEASE)
  world.write('/srv/fix.patch', PATCH)
  const sources = [
    nix.fetchurl('tool.tar', 'file:///srv/tool.tar', sha256(RELEASE)),
    nix.fetchurl('fix.patch', 'file:///srv/fix.patch', sha256(PATCH)),
  ]
  world.write('/root/default.nix', nix.derivation('tool', { inputs: sources, build: 'cat $inputs > $out' }))
}

function nixsig(world: World, line: string): Promise<Outcome> {
  return world.run(`/opt/nixsig/nixsig ${line}`)
}

async function packager(world: World): Promise<string> {
  assert.equal((await nixsig(world, 'keygen bob')).status, 0)
  return world.read('/root/bob.pub').trim()
}

/** The policy of a packager's machine: whom they know. */
function know(world: World, keys: readonly string[]): Promise<void> {
  const alice = keys.map(key => `"${key}"`)
  return setPolicy(
    world,
    policyText(alice.length > 0 ? { alice } : {}, byDefault('nothing', 'nothing', 'nothing')),
  )
}

async function sourcePath(world: World, name: string): Promise<string> {
  const drv = await world.output(`nix-store -qR $(nix-instantiate 2>/dev/null) | grep -- '-${name}\\.drv$'`)
  return world.output(`nix-store -q --outputs ${drv}`)
}

for (const version of NEWEST) {
  test(`${version}: what developers signed is found, checked, signed, and builds on another machine`, async () => {
    let bob = ''
    await withWorld(version, {}, async world => {
      writePackage(world)
      world.write('/srv/tool.tar.minisig', alice.sign(RELEASE))
      bob = await packager(world)
      await know(world, [alice.key])

      const refused = await nixsig(world, 'handoff --key bob.secret --out published')
      assert.equal(refused.status, 10, refused.stderr)
      assert.match(refused.stdout, /^tool\.tar +tool\.tar\.minisig +minisign +minisign:\S+ +good$/m)
      assert.match(refused.stdout, /^fix\.patch +- +- +- +not signed$/m)
      assert.match(refused.stdout, /^1 of 2 sources have no good signature of their developer$/m)
      assert.match(refused.stderr, /no derivation was signed: 1 of its sources are not attested/)

      const done = await nixsig(world, 'handoff --key bob.secret --out published --reviewed "read it"')
      assert.equal(done.status, 0, done.stderr)
      assert.match(done.stdout, /^attested before \S+-tool\.tar /m)
      assert.match(done.stdout, /^attested \S+-fix\.patch \(as packager, NIXSIG_PACKAGED\)/m)
      for (const name of ['tool', 'tool.tar', 'fix.patch']) {
        const says = `^attested \\S+-${name}\\.drv \\(as packager, NIXSIG_PACKAGED\\)`
        assert.match(done.stdout, new RegExp(says, 'm'))
      }
      assert.equal(await isValid(world, await sourcePath(world, 'tool.tar')), false)
      const again = await nixsig(world, 'handoff --key bob.secret --out published --reviewed "read it"')
      assert.doesNotMatch(again.stdout, /^attested \//m)
      // The developer signs later what was only read before: that is something new to say.
      world.write('/srv/fix.patch.minisig', alice.sign(PATCH))
      const signed = await nixsig(world, 'handoff --key bob.secret --out published')
      assert.match(
        signed.stdout,
        /^attested \S+-fix\.patch \(as packager, NIXSIG_DEVELOPER_SIGNATURE_CHECKED\)/m,
      )
      await world.output(`tar -cf /srv/published.tar -C published .`)
      execFileSync('cp', [world.path('/srv/published.tar'), dir])
    })
    await withWorld(version, {}, async world => {
      writePackage(world)
      await setPolicy(world, policyText({ bob: [`"${bob}"`] }, byDefault('bob', 'bob', 'self')))
      const refused = await world.run('nix-build')
      assert.match(refused.stderr, /needs bob for its (?:source|derivation), found no signature/)
      world.write('/srv/published.tar', readFileSync(join(dir, 'published.tar')))
      await world.output(`mkdir -p ${ATTESTATIONS} && tar -xf /srv/published.tar -C ${ATTESTATIONS}`)
      const built = await world.run('nix-build')
      assert.equal(built.status, 0, built.stderr)
      assert.equal(world.read(built.stdout.trim()), RELEASE + PATCH)
    })
  })

  test(`${version}: a signature that does not verify stops everything, whatever was reviewed`, () =>
    withWorld(version, {}, async world => {
      writePackage(world)
      world.write('/srv/tool.tar.minisig', alice.sign('other contents'))
      await packager(world)
      await know(world, [alice.key])
      const { status, stdout, stderr } = await nixsig(
        world,
        'handoff --key bob.secret --out published --reviewed why',
      )
      assert.equal(status, 13)
      assert.match(stdout, /^tool\.tar +tool\.tar\.minisig +minisign +- +BAD$/m)
      assert.match(stderr, /nothing was signed/)
      assert.equal(world.exists('/root/published'), false)
    }))

  test(`${version}: a key that is named suffices in a script, without a policy, and is new only once`, () =>
    withWorld(version, {}, async world => {
      writePackage(world)
      world.write('/srv/tool.tar.minisig', alice.sign(RELEASE))
      world.write('/srv/fix.patch.minisig', alice.sign(PATCH))
      await packager(world)
      await know(world, [mallory.key])
      const stranger = await nixsig(world, 'handoff --key bob.secret --out published')
      assert.equal(stranger.status, 11)
      assert.match(stranger.stdout, /not by a key that counts/)
      assert.equal(world.exists('/root/published'), false)
      const line = `handoff --key bob.secret --out published --developer-key ${alice.key}`
      const dry = await nixsig(world, `${line} --dry-run`)
      assert.match(dry.stderr, /^minisign:\S+ signed something here for the first time/m)
      await world.output('rm /etc/nixsig/policy.toml')
      const first = await world.run(`/opt/nixsig/nixsig ${line} </dev/null`)
      assert.equal(first.status, 0, first.stdout)
      assert.match(first.stderr, /^minisign:\S+ signed something here for the first time: make sure/m)
      const again = await nixsig(world, `${line} --yes`)
      assert.equal(again.status, 0)
      assert.doesNotMatch(again.stderr, /for the first time/)
    }))

  test(`${version}: whom a signature is not by is not listed key by key, and a search says how far it went`, () =>
    withWorld(version, {}, async world => {
      writePackage(world)
      world.write('/srv/tool.tar.minisig', alice.sign(RELEASE))
      await packager(world)
      await know(world, [mallory.key, minisign('carol').key, minisign('dora').key])
      const { status, stdout } = await nixsig(world, 'handoff --dry-run')
      assert.equal(status, 11, stdout)
      assert.match(
        stdout,
        /^ {2}not by any of the 3 keys that were tried: signed by minisign key [0-9A-F]{16}$/m,
      )
      const [, count] =
        /^ {2}no developer's signature was found at any of (\d+) addresses$/m.exec(stdout) ?? []
      const verbose = await nixsig(world, 'handoff --dry-run --verbose')
      const asked = verbose.stdout.match(/^ {2}asked: file:\/\/\/srv\/(?:fix\.patch|\w+)/gm) ?? []
      assert.ok(Number(count) > 10 && asked.length >= Number(count), `${count} of ${asked.length}`)
      const [tool, patch] = JSON.parse((await nixsig(world, 'handoff --dry-run --json')).stdout)
      assert.equal(tool.signature.origin, 'file:///srv/tool.tar.minisig')
      assert.equal(patch.asked.length, Number(count))
    }))

  test(`${version}: attack: a key that the policy revoked does not count for being named`, () =>
    withWorld(version, {}, async world => {
      writePackage(world)
      world.write('/srv/tool.tar.minisig', alice.sign(RELEASE))
      await packager(world)
      const revoked = '[[revocations]]\nprincipal = "alice"\ndate = 2024-01-01\n'
      const rest = `${revoked}${byDefault('nothing', 'nothing', 'nothing')}`
      await setPolicy(world, policyText({ alice: [`"${alice.key}"`] }, rest))
      const line = `handoff --key bob.secret --out published --developer-key ${alice.key} --reviewed why`
      const { status, stderr } = await nixsig(world, line)
      assert.equal(status, 2)
      assert.match(stderr, /is a key of alice, which your policy says is revoked: it does not count/)
      assert.equal(world.exists('/root/published'), false)
    }))

  test(`${version}: attack: contents that are not what the derivation says are not signed`, () =>
    withWorld(version, {}, async world => {
      writePackage(world)
      world.write('/srv/tool.tar', 'tampered\n')
      world.write('/srv/tool.tar.minisig', alice.sign('tampered\n'))
      await packager(world)
      await know(world, [alice.key])
      const { status, stdout } = await nixsig(
        world,
        'handoff --key bob.secret --out published --reviewed why',
      )
      assert.equal(status, 20)
      assert.match(stdout, /^tool\.tar .*not there$/m)
      assert.match(stdout, /file:\/\/\/srv\/tool\.tar has other contents than the derivation says/)
    }))

  test(`${version}: a signed list of checksums beside the URL is found, and kept with its signature`, () =>
    withWorld(version, {}, async world => {
      const url = 'file:///srv/tool.tar'
      world.write('/srv/tool.tar', RELEASE)
      world.write('/root/default.nix', nix.fetchurl('tool.tar', url, sha256(RELEASE)))
      const list = `${sha256(PATCH)}  fix.patch\n${sha256(RELEASE)}  tool.tar\n`
      world.write('/srv/SHA256SUMS', list)
      world.write('/srv/SHA256SUMS.minisig', alice.sign(list))
      await packager(world)
      await know(world, [alice.key])
      const done = await nixsig(world, `handoff --key bob.secret --out ${ATTESTATIONS}`)
      assert.equal(done.status, 0, done.stderr)
      assert.match(done.stdout, /^tool\.tar +SHA256SUMS\.minisig +minisign +\S+ +good$/m)
      assert.match(done.stdout, /over a list of checksums/)
      // A user who trusts alice and not bob needs nothing but what was kept.
      const needs = byDefault('alice', 'nothing', 'self').replace('"alice"', '{ developer = "alice" }')
      await setPolicy(world, policyText({ alice: [`"${alice.key}"`] }, needs))
      const built = await world.run('nix-build')
      assert.equal(built.status, 0, built.stderr)
    }))

  test(`${version}: what a package declares is checked, and the signature itself is no source`, () =>
    withWorld(version, {}, async world => {
      world.write('/srv/lib.nix', readFileSync(join(PROJECT_ROOT, 'nix/lib.nix')))
      world.write('/srv/tool.tar', RELEASE)
      world.write('/srv/elsewhere/signed', alice.sign(RELEASE))
      const sri = (contents: string | Uint8Array) =>
        `sha256-${createHash('sha256').update(contents).digest('base64')}`
      const signature = readFileSync(world.path('/srv/elsewhere/signed'))
      world.write(
        '/root/default.nix',
        `(import /srv/lib.nix).fetchSigned {
          url = "file:///srv/tool.tar";
          hash = "${sri(RELEASE)}";
          signature = { url = "file:///srv/elsewhere/signed"; hash = "${sri(signature)}"; kind = "minisign"; };
        }`,
      )
      await packager(world)
      await know(world, [alice.key])
      const done = await nixsig(world, 'handoff --key bob.secret --out published')
      assert.equal(done.status, 0, done.stderr)
      assert.match(done.stdout, /^tool\.tar +\S+-signed +minisign +\S+ +good$/m)
      assert.match(done.stdout, /^signed +- +- +- +is a signature itself$/m)
      assert.doesNotMatch(done.stdout, /^attested \S+-signed /m)
      assert.match(done.stdout, /^attested \S+-signed\.drv \(as packager/m)
      world.write('/srv/elsewhere/signed', 'a page')
      const gone = await nixsig(world, 'handoff --key bob.secret --out published')
      assert.equal(gone.status, 20)
      assert.match(gone.stdout, /elsewhere\/signed has other contents than the derivation says/)
    }))
}
