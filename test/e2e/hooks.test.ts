// The two hooks with real Nix, in the order of a build: what they let pass, and what stops a build
// at which point.
// needs: both-judges
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LEVEL } from '../../src/formats/in-toto/predicates/verification-summary.ts'
import * as nix from '../support/expressions.ts'
import {
  built,
  byDefault,
  type Contents,
  contentsOf,
  POLICY,
  packaged,
  policyText,
  publish,
  type Signer,
  setPolicy,
  sha256,
  signer,
} from '../support/trust.ts'
import { JUDGED_WITH_NIX, type Outcome, type World, withWorld } from '../support/world.ts'

const TARBALL = 'the developer wrote this\n'

/** A package: a source that is fetched, and a build that copies it. */
function packageExpression(name = 'tool', build = 'cat $inputs > $out'): string {
  const source = nix.fetchurl(`${name}.tar`, `file:///srv/${name}.tar`, sha256(TARBALL))
  return nix.derivation(name, { inputs: [source], build })
}

/**
 * The derivations of the package and its source, and the source's path, without building anything.
 */
async function instantiate(world: World, name = 'tool', expression = packageExpression(name)) {
  world.write(`/srv/${name}.tar`, TARBALL)
  world.write('/srv/x.nix', expression)
  const drv = await world.output('nix-instantiate /srv/x.nix 2>/dev/null')
  const drvs = await world.output(`nix-store -qR ${drv} | grep '\\.tar\\.drv$' || true`)
  const out = await world.output(`nix-store -q --outputs ${drv}`)
  const path = drvs === '' ? '' : await world.output(`nix-store -q --outputs ${drvs}`)
  const file = `/srv/${name}.tar`
  const narHash = (await world.output(`nix-store --dump ${file} | sha256sum`)).slice(0, 64)
  return { drv, sourceDrv: drvs, source: { path, narHash } satisfies Contents, out }
}

function build(world: World, options = {}): Promise<Outcome> {
  return world.run('nix-build --no-out-link /srv/x.nix', options)
}

async function isValid(world: World, path: string): Promise<boolean> {
  return (await world.run(`nix-store --check-validity ${path}`)).status === 0
}

function assertClean(world: World): Promise<string> {
  return world.output('nix-store --verify --check-contents 2>&1')
}

/** A world in which one packager's word is needed for sources. */
async function withPackager(
  world: World,
  rest: (packager: string) => string = () => byDefault('packager', 'nothing', 'self'),
): Promise<Signer> {
  const packager = signer('packager')
  await setPolicy(world, policyText({ packager: [packager] }, rest('packager')))
  return packager
}

for (const version of JUDGED_WITH_NIX) {
  test(`${version}: S-flow: an unsigned source is refused, signed it is built, admitted and attested`, () =>
    withWorld(version, {}, async world => {
      const packager = await withPackager(world)
      const { source, out } = await instantiate(world)
      const refused = await build(world)
      assert.notEqual(refused.status, 0)
      assert.match(refused.stderr, /nixsig: .*tool\.tar.*needs packager/s)
      assert.equal(await isValid(world, source.path), false)
      const explained = await world.run(['/opt/nixsig/nixsig', 'explain', source.path])
      assert.equal(explained.status, 10, explained.stderr)
      assert.match(explained.stdout, /needs packager for its source, found no signature/)
      assert.match(explained.stdout, /nixsig attest source/)

      publish(world, source.path, packaged(packager, source, LEVEL.packaged))
      const passed = await build(world)
      assert.equal(passed.status, 0, passed.stderr)
      assert.equal(passed.stdout.trim(), out)
      const digest = out.slice(11, 43)
      const entry = world.read(`/var/lib/nixsig/ledger/${digest.slice(0, 2)}/${digest}`)
      const { narHash } = await contentsOf(world, out)
      assert.match(entry, new RegExp(`^nixsig4 ${out} sha256:${narHash} [0-9a-f]{64} `))
      const line = world.read(`/var/lib/nixsig/attestations/${digest.slice(0, 2)}/${digest}.intoto.jsonl`)
      const { payload } = JSON.parse(line)
      const statement = JSON.parse(Buffer.from(payload, 'base64').toString())
      assert.equal(statement.subject[0].name, out)
      assert.equal(statement.subject[0].digest.sha256, narHash)
      const references = (await world.output(`nix-store -q --references ${out} | sort`)).split('\n')
      assert.deepEqual(statement.subject[0].annotations.nixReferences, references.filter(Boolean))
      assert.equal(await world.output('ls /var/lib/nixsig/expected'), '')
      await assertClean(world)
    }))

  for (const [how, command] of [
    ['nix-build', 'nix-build --no-out-link /srv/x.nix'],
    ['nix build', 'nix build --no-link -f /srv/x.nix'],
  ] as const) {
    for (const daemon of [true, false]) {
      test(`${version}: the user of ${how} reads why, ${daemon ? 'through the daemon' : 'without a daemon'}`, () =>
        withWorld(version, {}, async world => {
          await withPackager(world)
          await instantiate(world)
          if (daemon) await world.startDaemon()
          const refused = await world.run(command, daemon ? { user: 'alice' } : {})
          assert.notEqual(refused.status, 0)
          assert.match(refused.stderr, /unknown pre-build hook command 'nixsig: /)
          assert.match(refused.stderr, /tool\.tar/)
          assert.match(refused.stderr, /needs packager/)
          // The next step that the refusal names works, and ends in advice.
          const next = /; next: (nixsig explain \/nix\/store\/[\w.-]+)/.exec(refused.stderr)?.[1]
          const explained = await world.run(`/opt/nixsig/${next}`, daemon ? { user: 'alice' } : {})
          assert.equal(explained.status, 10, explained.stderr)
          assert.match(explained.stdout, /what to do:\n {2}have them sign it: nixsig attest source/)
        }))
    }
  }

  test(`${version}: a derivation that nobody signed is refused before it is built, and built when it is signed`, () =>
    withWorld(version, {}, async world => {
      const packager = await withPackager(world, who => byDefault('nothing', who, 'self'))
      const expression = nix.derivation('plain')
      const { drv, out } = await instantiate(world, 'plain', expression)
      const refused = await build(world)
      assert.match(refused.stderr, /plain\.drv.*needs packager/s)
      assert.equal(await isValid(world, out), false)
      publish(world, drv, packaged(packager, await contentsOf(world, drv)))
      const passed = await build(world)
      assert.equal(passed.status, 0, passed.stderr)
    }))

  test(`${version}: a signature on a whole build graph covers every derivation and source in it`, () =>
    withWorld(version, {}, async world => {
      const packager = await withPackager(world, who => `${byDefault(who, who, 'self')}accept-graph = true\n`)
      const { drv } = await instantiate(world)
      assert.notEqual((await build(world)).status, 0)
      publish(world, drv, packaged(packager, await contentsOf(world, drv), LEVEL.packagedGraph))
      const passed = await build(world)
      assert.equal(passed.status, 0, passed.stderr)
    }))

  test(`${version}: attack: a signature on one derivation is not one on its build graph`, () =>
    withWorld(version, {}, async world => {
      const packager = await withPackager(world, who => `${byDefault(who, who, 'self')}accept-graph = true\n`)
      const { drv } = await instantiate(world)
      publish(world, drv, packaged(packager, await contentsOf(world, drv)))
      const refused = await build(world)
      assert.notEqual(refused.status, 0)
      assert.match(refused.stderr, /tool\.tar/)
    }))

  test(`${version}: an output that differs from what a trusted builder attested is refused for good`, () =>
    withWorld(version, {}, async world => {
      const other = signer('other')
      await setPolicy(world, policyText({ other: [other] }, byDefault('nothing', 'nothing', 'self')))
      const { drv, out } = await instantiate(world, 'plain', nix.derivation('plain'))
      publish(world, out, built(other, { path: out, narHash: sha256('other contents') }, drv))
      for (const time of ['first', 'second']) {
        const refused = await build(world)
        assert.notEqual(refused.status, 0, time)
        assert.equal(await isValid(world, out), false, time)
        assert.equal(world.exists(out), false, time)
      }
      const kept = (await world.output('ls /var/lib/nixsig/quarantine')).split('\n').filter(n => /Z-/.test(n))
      assert.equal(kept.length, 2)
      assert.equal(world.read(`/var/lib/nixsig/quarantine/${kept[0]}/content`), 'plain\n')
      const entry = JSON.parse(world.read(`/var/lib/nixsig/quarantine/${kept[0]}/entry.json`))
      assert.match(entry.reason, /other attested other contents/)
      const explained = await world.run(['/opt/nixsig/nixsig', 'explain', out])
      assert.equal(explained.status, 13, explained.stderr)
      assert.match(explained.stdout, /builders disagree: other attested other contents/)
      await assertClean(world)
    }))

  test(`${version}: dependents of a refused output are never built`, () =>
    withWorld(version, {}, async world => {
      const other = signer('other')
      await setPolicy(world, policyText({ other: [other] }, byDefault('nothing', 'nothing', 'self')))
      const bottom = nix.derivation('bottom')
      const { drv, out } = await instantiate(world, 'bottom', bottom)
      publish(world, out, built(other, { path: out, narHash: sha256('other contents') }, drv))
      const top = await instantiate(world, 'top', nix.withInputs('top', [bottom]))
      const refused = await build(world)
      assert.notEqual(refused.status, 0)
      assert.equal(await isValid(world, top.out), false)
      assert.equal(await isValid(world, out), false)
    }))

  test(`${version}: what the ledger has is let pass without anything that judges, and nothing else is`, () =>
    withWorld(version, { resident: 'none' }, async world => {
      await setPolicy(
        world,
        policyText({ someone: [signer('someone')] }, byDefault('nothing', 'nothing', 'self')),
      )
      // A policy that was changed a moment ago is read anew by every hook.
      await world.output(`touch -d '1 hour ago' ${POLICY} && sleep 2.1`)
      const { drv, out } = await instantiate(world, 'top', nix.withInputs('top', [nix.derivation('bottom')]))
      assert.equal((await build(world)).status, 0)
      const other = await instantiate(world, 'other', nix.derivation('other'))
      await world.output('mv /opt/nixsig/judge.js /srv/')
      await world.output(['/opt/nixsig/post-build-hook'], { env: { DRV_PATH: drv } })
      // What lies on the disk may be valid or not: the store has to be asked.
      assert.equal((await world.run(['/opt/nixsig/pre-build-hook', drv])).status, 1)
      await world.output(['nix-store', '--delete', out])
      await world.output(['/opt/nixsig/pre-build-hook', drv])
      const silent = await world.run(['/opt/nixsig/pre-build-hook', other.drv])
      assert.equal(silent.status, 1)
      assert.match(silent.stderr, /refused: Cannot find module '.\/judge.js'/)

      await world.output('chmod o+w /etc/nixsig')
      assert.equal((await world.run(['/opt/nixsig/pre-build-hook', drv])).status, 1)
    }))

  test(`${version}: paths that optimising the store has moved are known again after one look`, () =>
    withWorld(version, { resident: 'none' }, async world => {
      await setPolicy(
        world,
        policyText({ someone: [signer('someone')] }, byDefault('nothing', 'nothing', 'self')),
      )
      await world.output(`touch -d '1 hour ago' ${POLICY} && sleep 2.1`)
      const twins = ['a', 'b'].map(name => nix.derivation(name, { build: 'echo twin > $out' }))
      const { drv, out } = await instantiate(world, 'top', nix.withInputs('top', twins))
      assert.equal((await build(world)).status, 0)
      await world.output(['nix-store', '--delete', out])
      const inodes = () => world.output('stat -c %i /nix/store/*-a /nix/store/*-b')
      const before = await inodes()
      await world.output('nix-store --optimise')
      assert.notEqual(await inodes(), before)
      await world.output(['/opt/nixsig/pre-build-hook', drv])
      await world.output('rm /opt/nixsig/judge.js')
      await world.output(['/opt/nixsig/pre-build-hook', drv])
    }))

  test(`${version}: what several builders attested alike is built where two of them are needed`, () =>
    withWorld(version, {}, async world => {
      const [a, b] = [signer('a'), signer('b')]
      const rest = `[groups.builders]\nmembers = ["a", "b", "self"]\nthreshold = 2\n${byDefault('nothing', 'nothing', 'builders')}`
      await setPolicy(world, policyText({ a: [a], b: [b] }, rest))
      const { drv, out } = await instantiate(world, 'plain', nix.derivation('plain'))
      world.write('/srv/plain', 'plain\n')
      const narHash = (await world.output('nix-store --dump /srv/plain | sha256sum')).slice(0, 64)
      const refused = await build(world)
      assert.notEqual(refused.status, 0)
      assert.match(
        refused.stderr,
        /plain \(output\).*needs 2 of 3 builders for its output, found 1 \(this machine\)/,
      )
      publish(world, out, built(a, { path: out, narHash }, drv))
      const passed = await build(world)
      assert.equal(passed.status, 0, passed.stderr)
    }))
}
