// The resident process in real Nix: hooks ask it or judge without it; nobody can impersonate it.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type HookReply, parseReply } from '../../src/formats/hook-reply.ts'
import { until } from '../support/eventually.ts'
import * as nix from '../support/expressions.ts'
import { RESIDENT_COMMAND, startResident } from '../support/resident.ts'
import {
  assertBuilt,
  assertClean,
  assertRefusedAfterBuild,
  assertRefusedBeforeBuild,
  instantiate,
  isInLedger,
  isValid,
  nixBuild,
} from '../support/scene.ts'
import {
  built,
  byDefault,
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
import { OLDEST, type World, withWorld } from '../support/world.ts'

const SOCKET = '/run/nixsig/socket'

/**
 * Sets a policy by which derivations need alice. Outputs need nobody, except those called victim.
 */
async function withAlice(world: World, mode = 'enforce'): Promise<Signer> {
  const alice = signer('alice')
  const rule = '[[rules]]\nmatch = { name = "victim*", kind = "output" }\nrequire.output = "alice"\n'
  await setPolicy(
    world,
    policyText({ alice: [alice] }, `${rule}${byDefault('nothing', 'alice', 'self')}`, mode),
  )
  return alice
}

async function sign(world: World, alice: Signer, drv: string): Promise<void> {
  publish(world, drv, packaged(alice, await contentsOf(world, drv)))
}

/** The hooks cannot judge themselves any more. */
function disarm(world: World): Promise<string> {
  return world.output('mv /opt/nixsig/judge.js /srv/')
}

/** Sends a line to whoever listens there, as root. */
async function ask(world: World, line: string): Promise<HookReply> {
  const socket = connect(world.path(SOCKET))
  socket.end(line)
  const chunks: Buffer[] = []
  socket.on('data', chunk => chunks.push(chunk))
  await once(socket, 'close')
  return parseReply(Buffer.concat(chunks))
}

/** Listens at the socket as systemd does for a service, and starts the service with it. */
const ACTIVATE = `
  use Socket; use POSIX qw(dup2);
  mkdir '/run/nixsig'; umask 0177; $^F = 9;
  socket(my $socket, AF_UNIX, SOCK_STREAM, 0) or die; bind($socket, sockaddr_un('${SOCKET}')) or die;
  listen($socket, 128) or die; umask 0022; dup2(fileno($socket), 3) or die;
  @ENV{'LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES'} = ($$, 1, 'judge');
  exec 'node', '/opt/nixsig/nixsig', 'serve', '--listen', '127.0.0.1:0', '--log-format', 'json'`

/** Somebody who listens at the socket as this user and says this to everybody. */
async function impersonate(world: World, user: 'root' | 'alice', says: string): Promise<void> {
  const script = `
    const server = require('node:net').createServer({ allowHalfOpen: true }, socket => {
      require('node:fs').appendFileSync('/tmp/asked', 'x')
      socket.end(${JSON.stringify(says)})
    })
    process.umask(0o177)
    server.listen('${SOCKET}', () => require('node:fs').writeFileSync('/tmp/up', ''))`
  await world.output(`mkdir -p /run/nixsig && chown ${user} /run/nixsig`)
  world.run(['node', '-e', script], { user }).catch(() => {})
  while (!world.exists('/tmp/up')) await sleep(5)
}

const PASS = 'nixsig1 pass 0 0 6\nstatus'

for (const version of OLDEST) {
  test(`${version}: hooks that cannot judge themselves have the resident process do it, before and after a build`, () =>
    withWorld(version, {}, async world => {
      const alice = await withAlice(world)
      const resident = await startResident(world)
      await disarm(world)
      const { drv, out } = await instantiate(world, nix.derivation('plain'))
      await assertRefusedBeforeBuild(world, out, /plain\.drv.*needs alice for its derivation/)
      await until(() => resident.questions() === 2)
      await sign(world, alice, drv)
      await assertBuilt(world)
      await until(() => resident.questions() === 4)
      assert.equal(isInLedger(world, out), true)

      const victim = await instantiate(world, nix.derivation('victim'))
      await sign(world, alice, victim.drv)
      await assertRefusedBeforeBuild(world, victim.out, /needs alice for its output/)
      publish(world, victim.out, built(alice, { path: victim.out, narHash: sha256('other') }, victim.drv))
      await assertRefusedAfterBuild(world, [victim.out], /builders disagree: alice attested other contents/)
      await resident.kill()
      assert.notEqual((await nixBuild(world)).status, 0)
    }))

  test(`${version}: what a user of the daemon reads is the same whoever judges`, () =>
    withWorld(version, {}, async world => {
      await withAlice(world)
      await instantiate(world, nix.derivation('plain'))
      await world.startDaemon()
      const said = async () => {
        const { status, stderr } = await world.run('nix-build --no-out-link /srv/x.nix', { user: 'alice' })
        assert.notEqual(status, 0)
        return stderr
      }
      const alone = await said()
      assert.match(alone, /unknown pre-build hook command 'nixsig: refused .*needs alice/)
      await startResident(world)
      await disarm(world)
      assert.equal(await said(), alone)
    }))

  test(`${version}: in warn mode the hooks pass and say the same on standard error whoever judges`, () =>
    withWorld(version, {}, async world => {
      await withAlice(world, 'warn')
      const { drv } = await instantiate(world, nix.derivation('victim'))
      const said = async () => {
        const { status, stdout, stderr } = await world.run(['/opt/nixsig/pre-build-hook', drv])
        assert.deepEqual([status, stdout], [0, ''])
        return stderr
      }
      const alone = await said()
      assert.match(alone, /^nixsig: warning, let pass: would be refused .*victim\.drv/)
      await startResident(world)
      await disarm(world)
      assert.equal(await said(), alone)
      await assertBuilt(world)
    }))

  test(`${version}: many builds at once are judged side by side, the refused one among them`, () =>
    withWorld(version, { nixConf: { 'max-jobs': '8' } }, async world => {
      const resident = await startResident(world)
      await disarm(world)
      await setPolicy(
        world,
        policyText(
          { alice: [signer('alice')] },
          `[[rules]]\nmatch = { name = "victim*", kind = "output" }\nrequire.output = "alice"\n${byDefault('nothing', 'nothing', 'self')}`,
        ),
      )
      const good = Array.from({ length: 12 }, (_, index) => nix.derivation(`good${index}`))
      const { out } = await instantiate(world, nix.withInputs('top', good))
      await assertBuilt(world)
      assert.equal(isInLedger(world, out), true)
      await until(() => resident.questions() >= 26)
      const bad = Array.from({ length: 6 }, (_, index) => nix.derivation(`victim${index}`))
      const top = await instantiate(world, nix.withInputs('bad', bad))
      assert.notEqual((await nixBuild(world, '--keep-going')).status, 0)
      assert.equal(await isValid(world, top.out), false)
      assert.equal(resident.isRunning(), true)
      await assertClean(world)
    }))

  test(`${version}: a hook whose resident process dies before it answers judges itself`, () =>
    withWorld(version, {}, async world => {
      const alice = await withAlice(world)
      const good = await instantiate(world, nix.derivation('good'))
      await sign(world, alice, good.drv)
      const bad = await instantiate(world, nix.derivation('bad'))
      const without = 'nixsig: judging without the resident process: it (gave no reply|broke off)\n'
      for (const [drv, expected, said] of [
        [good.drv, 0, new RegExp(`^${without}$`)],
        [bad.drv, 1, new RegExp(`^${without}nixsig: refused .*bad\\.drv.*needs alice`)],
      ] as const) {
        const resident = await startResident(world)
        resident.signal('SIGSTOP')
        const asking = world.run(['/opt/nixsig/pre-build-hook', drv])
        await sleep(500)
        await resident.kill()
        const { status, stderr } = await asking
        assert.match(stderr, said)
        assert.equal(status, expected)
      }
    }))

  test(`${version}: a resident process that may not write to the store leaves that to the hook, which says nothing of it`, () =>
    withWorld(version, { resident: 'none' }, async world => {
      await setPolicy(world, policyText({}, byDefault('nothing', 'nothing', 'self')))
      const resident = await startResident(world, [...RESIDENT_COMMAND, '--quarantine', 'by-hooks'])
      // Where this Nix lets builders keep descriptors, what was built gets fresh inodes.
      const { out } = await instantiate(world, nix.derivation('plain'))
      const { status, stderr } = await nixBuild(world)
      assert.equal(status, 0, stderr)
      assert.doesNotMatch(stderr, /nixsig: /)
      assert.equal(isInLedger(world, out), true)
      assert.match(resident.log(), /"left to the hook, which may write to the store".*after-build/)
      await resident.kill()
    }))

  test(`${version}: attack: a plain user cannot ask`, () =>
    withWorld(version, {}, async world => {
      await withAlice(world)
      await startResident(world)
      assert.equal(await world.output(`stat -c '%U %a' ${SOCKET} /run/nixsig`), 'root 600\nroot 755')
      const script = `require('node:net').connect('${SOCKET}').on('error', error => console.log(error.code))`
      assert.equal(await world.output(['node', '-e', script], { user: 'alice' }), 'EACCES')
    }))

  for (const [what, user, says, why] of [
    ['a socket of a plain user, who lets everything pass', 'alice', PASS, /socket belongs to user 1000/],
    ['a pass in another form', 'root', 'nixsig1 pass\n', /reply: does not begin as one of version nixsig1/],
    ['a pass that breaks off', 'root', PASS.slice(0, -1), /reply: breaks off/],
    ['a pass with more behind it', 'root', `${PASS}\n`, /reply: is followed by more/],
    ['silence', 'root', '', /it gave no reply/],
  ] as const) {
    test(`${version}: attack: the hooks take ${what} for no verdict, and say so`, () =>
      withWorld(version, {}, async world => {
        await withAlice(world)
        await impersonate(world, user, says)
        const { drv, out } = await instantiate(world, nix.derivation('plain'))
        const { stderr } = await world.run(['/opt/nixsig/pre-build-hook', drv])
        assert.match(stderr, /^nixsig: judging without the resident process: /)
        assert.match(stderr, why)
        await assertRefusedBeforeBuild(world, out, /plain\.drv.*needs alice for its derivation/)
        assert.equal(world.exists('/tmp/asked'), user === 'root')
      }))
  }

  test(`${version}: without a policy everything is refused, and judged by it once it is there`, () =>
    withWorld(version, {}, async world => {
      await startResident(world)
      await disarm(world)
      const { drv, out } = await instantiate(world, nix.derivation('plain'))
      await assertRefusedBeforeBuild(world, out, /cannot read \/etc\/nixsig\/policy\.toml: ENOENT/)
      await sign(world, await withAlice(world), drv)
      await assertBuilt(world)
    }))

  test(`${version}: a key that is revoked while the resident process runs counts no more, for any hook`, () =>
    withWorld(version, {}, async world => {
      const alice = await withAlice(world)
      await startResident(world)
      await disarm(world)
      const first = await instantiate(world, nix.derivation('first'))
      await sign(world, alice, first.drv)
      await assertBuilt(world)
      const second = await instantiate(world, nix.derivation('second'))
      await sign(world, alice, second.drv)
      world.write(POLICY, `${world.read(POLICY)}[[revocations]]\nprincipal = "alice"\ndate = 2020-01-01\n`)
      await assertRefusedBeforeBuild(world, second.out, /second\.drv.*revoked/)
      for (const drv of [first.drv, second.drv]) {
        const reply = await ask(world, `nixsig1 before-build ${drv}\n`)
        assert.equal(reply.outcome, 'refuse', drv)
        assert.match(reply.sentence, /revoked/)
      }
    }))

  test(`${version}: asked to reload, and asked what it cannot answer`, () =>
    withWorld(version, {}, async world => {
      await withAlice(world)
      await startResident(world)
      assert.equal((await ask(world, 'nixsig1 reload\n')).outcome, 'done')
      assert.equal((await ask(world, 'nixsig2 reload\n')).outcome, 'error')
      const absent = '/nix/store/8lnyx2d403hiqnqcjj8wl9j0zk56alk5-absent.drv'
      for (const question of ['before-build', 'after-build']) {
        const { outcome, sentence } = await ask(world, `nixsig1 ${question} ${absent}\n`)
        assert.equal(outcome, 'refuse', question)
        assert.match(sentence, /not in the store/)
      }
      world.write(POLICY, 'no policy')
      const broken = await ask(world, 'nixsig1 reload\n')
      assert.equal(broken.outcome, 'error')
      assert.match(broken.sentence, /policy\.toml:1/)
    }))

  test(`${version}: one at a time: a second one says so, and the next takes the place of one that was killed`, () =>
    withWorld(version, {}, async world => {
      const alice = await withAlice(world)
      const { drv } = await instantiate(world, nix.derivation('plain'))
      await sign(world, alice, drv)
      const first = await startResident(world)
      const second = await world.run('/opt/nixsig/nixsig serve --listen 127.0.0.1:0')
      assert.notEqual(second.status, 0)
      assert.match(second.stderr, /\/run\/nixsig\/socket is already served by another process/)
      assert.equal(first.isRunning(), true)
      await first.kill()
      assert.equal(world.exists(SOCKET), true)
      const third = await startResident(world)
      await disarm(world)
      await assertBuilt(world)
      await until(() => third.questions() === 2)
    }))

  test(`${version}: a socket that systemd opened is served, and left to systemd in the end`, () =>
    withWorld(version, {}, async world => {
      const alice = await withAlice(world)
      const { drv } = await instantiate(world, nix.derivation('plain'))
      await sign(world, alice, drv)
      const resident = await startResident(world, ['perl', '-e', ACTIVATE])
      await disarm(world)
      await assertBuilt(world)
      await until(() => resident.questions() === 2)
      resident.signal('SIGTERM')
      assert.equal(await resident.ended, 0)
      assert.equal(world.exists(SOCKET), true)
    }))

  test(`${version}: it stops when it is told to, answers what it was asked, and takes its socket with it`, () =>
    withWorld(version, {}, async world => {
      const alice = await withAlice(world)
      const { drv, out } = await instantiate(world, nix.derivation('plain'))
      await sign(world, alice, drv)
      const resident = await startResident(world)
      const building = nixBuild(world)
      await until(() => resident.questions() > 0)
      resident.signal('SIGTERM')
      assert.equal(await resident.ended, 0, resident.log())
      assert.equal(world.exists(SOCKET), false)
      const { status, stderr } = await building
      assert.equal(status, 0, stderr)
      assert.equal(isInLedger(world, out), true)
    }))
}
