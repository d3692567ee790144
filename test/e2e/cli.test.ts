// The command line with real Nix: the hooks accept what it signs, and do what it says they will.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as nix from '../support/expressions.ts'
import { assertLines } from '../support/schema.ts'
import {
  ATTESTATIONS,
  built,
  byDefault,
  contentsOf,
  policyText,
  publish,
  setPolicy,
  sha256,
  signer,
} from '../support/trust.ts'
import { NEWEST, type Outcome, type World, withWorld } from '../support/world.ts'

const TARBALL = 'the developer wrote this\n'

function nixsig(world: World, line: string, options = {}): Promise<Outcome> {
  return world.run(`/opt/nixsig/nixsig ${line}`, options)
}

async function succeeds(world: World, line: string): Promise<string> {
  const { status, stdout, stderr } = await nixsig(world, line)
  assert.equal(status, 0, `nixsig ${line}: ${stdout}${stderr}`)
  return stdout
}

/** A tarball and a package that copies it: the paths, nothing built. */
async function instantiate(world: World) {
  world.write('/srv/tool.tar', TARBALL)
  const source = nix.fetchurl('tool.tar', 'file:///srv/tool.tar', sha256(TARBALL))
  world.write('/srv/x.nix', nix.derivation('tool', { inputs: [source], build: 'cat $inputs > $out' }))
  const drv = await world.output('nix-instantiate /srv/x.nix 2>/dev/null')
  const sourceDrv = await world.output(`nix-store -qR ${drv} | grep '\\.tar\\.drv$'`)
  const out = await world.output(`nix-store -q --outputs ${drv}`)
  return { drv, out, source: await world.output(`nix-store -q --outputs ${sourceDrv}`) }
}

/** A derivation without inputs. */
async function instantiatePlain(world: World) {
  world.write('/srv/x.nix', nix.derivation('plain'))
  const drv = await world.output('nix-instantiate /srv/x.nix 2>/dev/null')
  return { drv, out: await world.output(`nix-store -q --outputs ${drv}`) }
}

function build(world: World, options = ''): Promise<Outcome> {
  return world.run(`nix-build --out-link /root/result ${options} /srv/x.nix`)
}

/** A key made by the command line itself; its public half as a policy takes it. */
async function keygen(world: World, name: string): Promise<string> {
  await succeeds(world, `keygen ${name} --out /root`)
  return `"${world.read(`/root/${name}.pub`).trim()}"`
}

const ATTEST_SOURCE = `attest source /srv/tool.tar --name tool.tar --key /root/bob.secret --out ${ATTESTATIONS}`

for (const version of NEWEST) {
  test(`${version}: a source is attested before it was ever fetched, then built and verified`, () =>
    withWorld(version, {}, async world => {
      const bob = await keygen(world, 'bob')
      await setPolicy(world, policyText({ bob: [bob] }, byDefault('bob', 'nothing', 'self')))
      const { source, out } = await instantiate(world)
      assert.notEqual((await build(world)).status, 0)
      assert.match(await succeeds(world, `${ATTEST_SOURCE} --unsigned-upstream why`), new RegExp(source))
      const passed = await build(world)
      assert.equal(passed.status, 0, passed.stderr)

      const verified = await succeeds(world, `verify ${source} ./result`)
      assert.match(verified, /^trusted .*tool\.tar .*vouched for by bob$/m)
      assert.match(verified, new RegExp(`^trusted ${out} .*this machine$`, 'm'))
      const json = JSON.parse(await succeeds(world, 'verify ./result --json'))
      assertLines('attest-source', await succeeds(world, `${ATTEST_SOURCE} --unsigned-upstream why --json`))
      const signing = `--key /root/bob.secret --out /root/more --json`
      assertLines('attest-output', await succeeds(world, `attest output ./result ${signing}`))
      const drv = await world.output('nix-instantiate /srv/x.nix 2>/dev/null')
      assertLines('attest-derivation', await succeeds(world, `attest derivation ${drv} ${signing}`))
      assert.deepEqual([json.path, json.outcome, json.status], [out, 'trusted', 0])
      const explained = await succeeds(world, `explain ${source}`)
      assert.match(
        explained,
        /stands on:\n {2}fetched source .*\n(?:.*\n)*.*bob as packager, key bob, .*intoto\.jsonl:1/,
      )
      assert.match(explained, /ledger:\n {2}admitted .*; current\n/)
    }))

  test(`${version}: 10, 11, 13 and 14, and why, once the policy or the evidence has changed`, () =>
    withWorld(version, {}, async world => {
      const bob = await keygen(world, 'bob')
      const carol = await keygen(world, 'carol')
      const trusting = (key: string, rest = '') =>
        setPolicy(world, policyText({ bob: [key] }, `${rest}\n${byDefault('bob', 'nothing', 'self')}`))
      await trusting(bob)
      const { source } = await instantiate(world)
      await succeeds(world, `${ATTEST_SOURCE} --as reviewer`)
      assert.equal((await build(world)).status, 0)

      await trusting(bob, '[[revocations]]\nprincipal = "bob"\ndate = 2020-01-01\n')
      const revoked = await nixsig(world, `explain ${source}`)
      assert.equal(revoked.status, 14)
      assert.match(revoked.stdout, /does not count: bob as reviewer, .*revoked since 2020-01-01/)
      assert.match(revoked.stdout, /stale: the policy has changed since/)
      assert.match(revoked.stdout, /what to do:\n {2}have it signed again/)

      await trusting(carol)
      const unknown = await nixsig(world, `verify ${source}`)
      assert.equal(unknown.status, 11)
      assert.match(unknown.stdout, /only signers who are not in the trusted list/)
      world.write('/root/empty/x', '')
      assert.equal(
        (await nixsig(world, `verify ${source} --attestations /root/empty --state /root/s`)).status,
        10,
      )

      const [first = ''] = (await world.output(`ls ${ATTESTATIONS}/*/*.jsonl`)).split('\n')
      await trusting(bob)
      world.write(first, world.read(first).replace(/"sig":"..../, '"sig":"AAAA'))
      const forged = await nixsig(world, `verify ${source} --state /root/s`)
      assert.equal(forged.status, 13)
    }))

  test(`${version}: a derivation with its whole graph, and an output, attested by the command line`, () =>
    withWorld(version, {}, async world => {
      const bob = await keygen(world, 'bob')
      const rest = `${byDefault('bob', 'bob', 'bob')}accept-graph = true\n`
      await setPolicy(world, policyText({ bob: [bob] }, rest))
      const { drv, out } = await instantiate(world)
      await succeeds(world, `attest derivation ${drv} --graph --key /root/bob.secret --out ${ATTESTATIONS}`)
      const unbuilt = await nixsig(world, `attest output ${out} --key /root/bob.secret`)
      assert.equal(unbuilt.status, 2)
      assert.match(unbuilt.stderr, /is not valid in this store/)
      // Bob is a builder who built it elsewhere, without any hooks.
      assert.equal((await build(world, "--option post-build-hook '' --option pre-build-hook ''")).status, 0)
      await succeeds(world, `attest output ./result --key /root/bob.secret --out ${ATTESTATIONS}`)
      const verified = await succeeds(world, 'verify ./result')
      assert.match(verified, /trusted .*vouched for by bob/)
      assert.match(await succeeds(world, `verify ${drv} --recursive`), /^trusted .*tool\.tar\.drv /m)
      const misused = await nixsig(world, `attest source ./result --as reviewer --key /root/bob.secret`)
      assert.match(misused.stderr, /was built, so it is not a source/)
    }))

  test(`${version}: attack: a builder attests nothing that the store did not build itself`, () =>
    withWorld(version, {}, async world => {
      const bob = await keygen(world, 'bob')
      await setPolicy(world, policyText({ bob: [bob] }, byDefault('nothing', 'nothing', 'self')))
      const { out } = await instantiatePlain(world)
      assert.equal((await build(world)).status, 0)
      await world.output(
        `rm /root/result; nix-store --export ${out} >/root/out.nar; nix-store --delete ${out} >&2; rm -r /var/lib/nixsig; nix-store --import --option require-sigs false </root/out.nar`,
      )
      const refused = await nixsig(world, `attest output ${out} --key /root/bob.secret`)
      assert.equal(refused.status, 2)
      assert.match(refused.stderr, /was not built by this store/)
    }))

  test(`${version}: attack: a source that was altered in the store is not attested`, () =>
    withWorld(version, {}, async world => {
      await keygen(world, 'bob')
      world.write('/srv/s', TARBALL)
      const path = await world.output('nix-store --add /srv/s')
      await world.output(`chmod u+w ${path}; echo evil >>${path}; chmod a-w ${path}`)
      const { status, stderr } = await nixsig(
        world,
        `attest source ${path} --as reviewer --key /root/bob.secret`,
      )
      assert.equal(status, 2)
      assert.match(stderr, /is not what the store registered/)
    }))

  test(`${version}: a refused output is released once it is trusted, and not before`, () =>
    withWorld(version, {}, async world => {
      const other = signer('other')
      await setPolicy(world, policyText({ other: [other] }, byDefault('nothing', 'nothing', 'self')))
      const { drv, out } = await instantiatePlain(world)
      publish(world, out, built(other, { path: out, narHash: sha256('other contents') }, drv))
      assert.notEqual((await build(world)).status, 0)
      const [id = ''] = (await succeeds(world, 'quarantine list')).split(' ')
      assert.match(await succeeds(world, `quarantine show ${id}`), /because:\n.*builders disagree/s)
      assert.match((await nixsig(world, `explain ${out}`)).stdout, new RegExp(`quarantine show ${id}`))

      const early = await nixsig(world, `quarantine release ${id}`)
      assert.equal(early.status, 13)
      assert.match(early.stdout, /stays in quarantine/)
      assert.equal(world.exists(out), false)

      await world.output(`rm -r ${ATTESTATIONS}/*`)
      const hidden = await nixsig(world, `quarantine release ${id}`)
      assert.equal(hidden.status, 13, 'what was seen stays')
      assert.match(hidden.stdout, /what was seen .*nixsig conflicts withdraw/)
      assert.match(await succeeds(world, 'conflicts list'), new RegExp(`^${out}$`, 'm'))
      assert.match(await succeeds(world, `conflicts withdraw ${out}`), /^withdrawn /)
      const before = sha256(world.read(`/var/lib/nixsig/quarantine/${id}/content`))
      assert.match(await succeeds(world, `quarantine release ${id}`), /^released /)
      assert.equal(sha256(world.read(out)), before)
      assert.match(await succeeds(world, `verify ${out}`), /^trusted .*this machine$/m)
      assert.equal(await succeeds(world, 'quarantine list'), '')
      assert.equal(await world.output(`nix-store -q --deriver ${out}`), drv)
      await world.output('nix-store --verify --check-contents 2>&1')
      assert.equal((await build(world)).status, 0)
      const again = await nixsig(world, `quarantine release ${id}`)
      assert.equal(again.status, 2)
    }))

  test(`${version}: attack: content that was changed in quarantine is not released`, () =>
    withWorld(version, {}, async world => {
      const other = signer('other')
      await setPolicy(world, policyText({ other: [other] }, byDefault('nothing', 'nothing', 'self')))
      const { drv, out } = await instantiatePlain(world)
      publish(world, out, built(other, { path: out, narHash: sha256('other contents') }, drv))
      await build(world)
      const [id = ''] = (await succeeds(world, 'quarantine list')).split(' ')
      await world.output(`rm -r ${ATTESTATIONS}/*; echo evil >>/var/lib/nixsig/quarantine/${id}/content`)
      const { status, stderr } = await nixsig(world, `quarantine release ${id}`)
      assert.equal(status, 2)
      assert.match(stderr, /is not what was refused/)
      assert.equal(world.exists(out), false)
    }))

  test(`${version}: a release that was killed after the copy is finished by the next; a stranger in its place is not`, () =>
    withWorld(version, {}, async world => {
      const other = signer('other')
      await setPolicy(world, policyText({ other: [other] }, byDefault('nothing', 'nothing', 'self')))
      const { drv, out } = await instantiatePlain(world)
      publish(world, out, built(other, { path: out, narHash: sha256('other contents') }, drv))
      await build(world)
      const [id = ''] = (await succeeds(world, 'quarantine list')).split(' ')
      await world.output(`rm -r ${ATTESTATIONS}/*`)
      await succeeds(world, `conflicts withdraw ${out}`)
      await world.output(`echo stranger >${out}`)
      const stranger = await nixsig(world, `quarantine release ${id}`)
      assert.equal(stranger.status, 2)
      assert.match(stranger.stderr, /something else lies at/)
      await world.output(`rm ${out}; cp -a /var/lib/nixsig/quarantine/${id}/content ${out}`)
      await succeeds(world, `quarantine release ${id}`)
      await succeeds(world, `verify ${out}`)
    }))

  test(`${version}: verify finishes, as root, what a hook that never ran left behind`, () =>
    withWorld(version, {}, async world => {
      await setPolicy(world, policyText({}, byDefault('nothing', 'nothing', 'self')))
      const { out } = await instantiatePlain(world)
      assert.equal((await build(world, "--option post-build-hook ''")).status, 0)
      const { status, stdout, stderr } = await nixsig(world, 'verify')
      assert.equal(status, 0)
      assert.equal(stdout, '')
      assert.match(stderr, new RegExp(`^finished: ${out} had been built but not judged; it is trusted\n$`))
      assert.equal((await nixsig(world, 'verify')).stderr, '')
      const user = await nixsig(world, 'verify', { user: 'alice' })
      assert.equal(user.status, 2)
      assert.match(user.stderr, /only root/)
    }))

  test(`${version}: a plain user verifies through the daemon with a state of their own`, () =>
    withWorld(version, {}, async world => {
      const bob = await keygen(world, 'bob')
      await setPolicy(world, policyText({ bob: [bob] }, byDefault('bob', 'nothing', 'nothing')))
      const { source } = await instantiate(world)
      await succeeds(world, `${ATTEST_SOURCE} --as reviewer`)
      assert.equal((await build(world)).status, 0)
      await world.startDaemon()
      const done = await nixsig(world, `verify ${source} --state /home/alice/state`, { user: 'alice' })
      assert.equal(done.status, 0, done.stdout + done.stderr)
      assert.match(done.stdout, /^trusted /)
      const refused = await nixsig(world, `verify ${source}`, { user: 'alice' })
      assert.equal(refused.status, 2)
      assert.match(
        refused.stderr,
        /cannot read \/var\/lib\/nixsig, .*no gate answers .*; next: .*--state DIR/,
      )
      // Every refusal tells its reader to ask this, and most readers are plain users.
      const explained = await nixsig(world, `explain ${source}`, { user: 'alice' })
      assert.equal(explained.status, 0, explained.stdout + explained.stderr)
      assert.match(explained.stdout, /^trusted /)
      assert.match(explained.stderr, /no gate answers .*nothing is known here of what this machine built/)
      assert.equal(await world.output('ls -d /tmp/nixsig-explain-* 2>/dev/null || true'), '')
    }))
}

test('contents are as Nix itself sees them', () =>
  withWorld('bookworm', {}, async world => {
    const bob = await keygen(world, 'bob')
    await setPolicy(world, policyText({ bob: [bob] }, byDefault('bob', 'nothing', 'self')))
    const { source } = await instantiate(world)
    await succeeds(world, `${ATTEST_SOURCE} --as reviewer`)
    assert.equal((await build(world)).status, 0)
    const { narHash } = await contentsOf(world, source)
    const line = JSON.parse(world.read(await world.output(`ls ${ATTESTATIONS}/*/*.jsonl`)))
    const statement = JSON.parse(Buffer.from(line.payload, 'base64').toString())
    assert.deepEqual(statement.subject[0].digest, { sha256: narHash, nixNarSha256: narHash })
  }))
