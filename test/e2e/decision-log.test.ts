// The decision log of real builds, substitutions and copies: who asked at which door, what was
// decided, and whether anything was let in that is not written. docs/semantics.md, L1 to L6.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { appendLine } from '../../src/decisions/append.ts'
import { printDecision } from '../../src/decisions/line.ts'
import { cachedPath } from '../support/cache-of-many.ts'
import * as nix from '../support/expressions.ts'
import { ALPHA, BETA, stock, withGatedWorld } from '../support/gated-world.ts'
import { startResident } from '../support/resident.ts'
import { assertBuilt, instantiate, isValid, nixBuild } from '../support/scene.ts'
import { byDefault, policyText, setPolicy, signer } from '../support/trust.ts'
import { NEWEST, type World, withWorld } from '../support/world.ts'

const BOB = signer('bob')
const policy = (
  world: World,
  derivation: string,
  { more = '', mode = 'enforce' as 'enforce' | 'warn' } = {},
) => setPolicy(world, policyText({ bob: [BOB] }, more + byDefault('nothing', derivation, 'self'), mode))

interface Told {
  readonly door: string
  readonly asker: string
  readonly path: string
  readonly nar_hash: string | null
  readonly outcome: string
  readonly let_in: boolean
  readonly ground: string
  readonly mode: string
  readonly message: string | null
}

/** The decisions about paths with this in them, oldest first. */
async function decisions(world: World, path: string): Promise<readonly Told[]> {
  const text = await world.output(`/opt/nixsig/nixsig log --json --path ${path}`)
  return text.split('\n').flatMap(line => (line === '' ? [] : (JSON.parse(line) as Told)))
}

const shown = ({ door, asker, outcome, let_in }: Told) => [door, asker, outcome, let_in]

async function assertWhole(world: World): Promise<void> {
  assert.match(await world.output('/opt/nixsig/nixsig log verify'), /^whole: \d+ lines; /)
}

for (const version of NEWEST) {
  test(`${version}: builds that are let in, refused, and let in with a warning`, () =>
    withWorld(version, { resident: 'none' }, async world => {
      await world.startDaemon()
      await policy(world, 'nothing')
      const { drv, out } = await instantiate(world, nix.derivation('good'))
      await assertBuilt(world, '', { user: 'alice' })
      assert.deepEqual((await decisions(world, drv)).map(shown), [
        ['before-build', 'user 1000', 'trusted', true],
      ])
      const [built] = await decisions(world, out)
      assert.deepEqual(built && shown(built), ['after-build', 'user 1000', 'trusted', true])
      const hash = await world.output(
        `nix-hash --to-base16 --type sha256 $(nix-store -q --hash ${out} | tail -c 53)`,
      )
      assert.equal(built?.nar_hash, hash)

      await policy(world, 'bob')
      const bad = await instantiate(world, nix.derivation('bad'))
      assert.notEqual((await nixBuild(world, '', { user: 'alice' })).status, 0)
      const [refused] = await decisions(world, bad.drv)
      assert.deepEqual(refused && shown(refused), ['before-build', 'user 1000', 'untrusted', false])
      assert.match(refused?.message ?? '', /refused .*bad\.drv .*needs bob for its derivation/)

      await policy(world, 'bob', { mode: 'warn' })
      await assertBuilt(world)
      const warned = (await decisions(world, 'bad')).filter(({ mode }) => mode === 'warn')
      assert.ok(warned.length > 0 && warned.every(({ let_in, asker }) => let_in && asker === 'root'))
      assert.ok(warned.some(({ outcome }) => outcome === 'untrusted'))
      await assertWhole(world)

      await world.output('/opt/nixsig/nixsig log checkpoint --to /srv/kept')
      await world.output('rm /var/lib/nixsig/decisions/open/000000000002')
      const broken = await world.run('/opt/nixsig/nixsig log verify --checkpoint /srv/kept')
      assert.equal(broken.status, 1)
      assert.match(broken.stdout, /^missing line 2: there is a later line$/m)
    }))

  test(`${version}: what the ledger alone lets in has lines of its own`, () =>
    withWorld(version, { resident: 'none' }, async world => {
      await policy(world, 'nothing')
      const { drv, out } = await instantiate(world, nix.derivation('again'))
      await assertBuilt(world)
      // A snapshot of the policy is believed when its file is two seconds old.
      await world.output('sleep 2.5')
      await instantiate(world, nix.derivation('another'))
      await assertBuilt(world)
      await instantiate(world, nix.derivation('again'))
      await world.output(`nix-store --delete ${out}`)
      await assertBuilt(world)
      const told = await decisions(world, drv)
      assert.deepEqual(told.map(({ ground }) => ground).slice(1), ['ledger'])
      await assertWhole(world)
    }))

  test(`${version}: attack: the log cannot be written, and has to be`, () =>
    withWorld(version, { resident: 'none' }, async world => {
      await policy(world, 'nothing', { more: '[decisions]\nrequired = true\n' })
      await instantiate(world, nix.derivation('first'))
      await assertBuilt(world)
      await world.output('mv /var/lib/nixsig/decisions /srv/gone; touch /var/lib/nixsig/decisions')
      const { out } = await instantiate(world, nix.derivation('unwritten'))
      const refused = await nixBuild(world)
      assert.notEqual(refused.status, 0)
      assert.match(
        refused.stderr,
        /unwritten.*the decision log: .*decisions is not a directory.*\[decisions\] required/s,
      )
      assert.equal(await isValid(world, out), false)
      const required = await world.run('/opt/nixsig/nixsig status')
      assert.equal(required.status, 20)
      assert.match(
        required.stdout.replaceAll(/\s+/g, ' '),
        / log \/var\/lib\/nixsig\/decisions is not a directory; next: make it writable again, then, as root/,
      )
      await policy(world, 'nothing', { more: '[decisions]\nkeep = true\n' })
      const told = await world.run('/opt/nixsig/nixsig status')
      assert.match(told.stdout, /^log {7}warning: \/var\/lib\/nixsig\/decisions is not a\s+directory;/m)
      const warned = await nixBuild(world)
      assert.equal(warned.status, 0, warned.stderr)
      assert.match(warned.stderr, /warning: a decision is not in the log: .*decisions is not a directory/)
      await world.output('rm /var/lib/nixsig/decisions; mv /srv/gone /var/lib/nixsig/decisions')
      await assertWhole(world)
    }))

  test(`${version}: attack: what cannot be signed after its line is written is built, told and made good`, () =>
    withWorld(version, { resident: 'none' }, async world => {
      const more = '[decisions]\nrequired = true\ncheckpoints-to = "/srv/audit"\n'
      await policy(world, 'nothing', { more })
      await instantiate(world, nix.derivation('before'))
      await assertBuilt(world)
      // What the store plugin alone writes is folded by nobody.
      const state = world.path('/var/lib/nixsig')
      const one = { door: 'plugin', asker: 'root', path: '/nix/store/x', outcome: 'trusted' } as const
      for (let count = 0; count < 1100; count++)
        appendLine(state, at => printDecision(at, { ...one, letIn: true, ground: 'ledger' }), {
          isDurable: false,
        })
      await instantiate(world, nix.derivation('after'))
      await assertBuilt(world)
      assert.equal(await world.output('ls /var/lib/nixsig/decisions/segments'), '000000000000')
      const { status, stdout: told } = await world.run('/opt/nixsig/nixsig status --json')
      assert.equal(status, 20)
      const { log } = JSON.parse(told) as { log: { problems: { code: string; error: boolean }[] } }
      assert.deepEqual(
        log.problems.map(({ code, error }) => [code, error]),
        [['untidy', true]],
      )
      const words =
        /could not be kept in order.*: \/srv\/audit, where checkpoints are kept as well, is not there/
      assert.match(told, words)
      const noted = await world.run('/opt/nixsig/nixsig log --door command')
      assert.match(
        noted.stderr,
        /^warning: the decision log is written, and could not be kept in order: \/srv\/audit,/,
      )
      await world.output('mkdir /srv/audit; /opt/nixsig/nixsig log --door command')
      assert.match(await world.output('ls /srv/audit'), /^[0-9a-f]{32}-\d{12}$/)
      assert.match(await world.output('/opt/nixsig/nixsig status --json'), /"problems":\[\]/)
      await assertWhole(world)
    }))

  test(`${version}: what the gate passes on and refuses, for whom nix-daemon asks`, () =>
    withGatedWorld(version, '', async ({ world, caches, trust, realise }) => {
      const hello = cachedPath('hello', 'hello\n', [ALPHA])
      const other = cachedPath('other', 'other\n', [BETA])
      stock(caches[0], hello)
      stock(caches[1], other)
      assert.equal((await realise(hello.path)).status, 0)
      const [passed] = await decisions(world, hello.path)
      assert.deepEqual(passed && shown(passed), ['gate', 'user 1000', 'trusted', true])
      assert.equal(passed?.nar_hash, hello.narHash)
      await trust(2)
      await world.output('/opt/nixsig/nixsig reload')
      assert.notEqual((await realise(other.path)).status, 0)
      const [refused] = await decisions(world, other.path)
      assert.deepEqual(refused && shown(refused), ['gate', 'user 1000', 'untrusted', false])
      assert.match(refused?.message ?? '', /needs 2 of 3 caches/)
      await assertWhole(world)
    }))

  test(`${version}: what the store plugin asks about`, () =>
    withWorld(version, { resident: 'none' }, async world => {
      await policy(world, 'nothing')
      world.write('/srv/y.nix', nix.derivation('copied'))
      const unguarded = "--option plugin-files '' --option pre-build-hook '' --option post-build-hook ''"
      const there = `${unguarded} --store /srv/other`
      const path = await world.output(
        `nix-store ${there} -r $(nix-instantiate ${there} /srv/y.nix 2>/dev/null)`,
      )
      await world.output(`nix-store ${there} --export ${path} > /srv/y.export`)
      const conf = world.read('/etc/nix/nix.conf')
      world.write('/etc/nix/nix.conf', `${conf}plugin-files = /opt/nixsig/native/nixsig-plugin.so\n`)
      const resident = await startResident(world)
      try {
        assert.notEqual((await world.run('nix-store --import < /srv/y.export')).status, 0)
      } finally {
        await resident.kill()
      }
      const [refused] = await decisions(world, path)
      assert.deepEqual(refused && [refused.door, refused.outcome, refused.let_in], [
        'plugin',
        'untrusted',
        false,
      ])
      await assertWhole(world)
    }))
}
