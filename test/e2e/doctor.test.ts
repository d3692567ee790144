// `nixsig doctor` on a machine that `nixsig setup` configured: it finds nothing open, and then each
// hole that is made by hand.
// takes: 2 minutes
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { ADVISORIES } from '../../src/formats/nix/advisories.ts'
import { blockOf, commandsOf } from '../docs/markdown.ts'
import { runAll } from '../docs/page.ts'
import { everyBlockWasRun, markRun } from '../docs/ran.ts'
import { type GuardedWorld, withGuardedWorld } from '../support/guarded-world.ts'
import { EVERY_VERSION, VERSIONS, type World } from '../support/world.ts'
import { DOCTOR, examine, files } from './doctor/examine.ts'
import { ALONE, ELSEWHERE, ELSEWHERE_ALONE, type Hole, inConf, SETTINGS } from './doctor/holes.ts'

const PAGE = 'docs/how-to/doctor.md'

for (const version of EVERY_VERSION) {
  test(`${version}: every door of a machine that is set up is closed, and nothing is left of trying them`, () =>
    withGuardedWorld(version, async ({ world }) => {
      world.write('/usr/local/bin/nixsig', '#!/bin/sh\nexec /opt/nixsig/nixsig "$@"\n', 0o755)
      const before = await files(world)
      const { status, doors, holes, told } = await examine(world)
      assert.deepEqual(holes, [], told)
      assert.equal(status, 0)
      assert.equal(doors.get('nix-advisories')?.state, version === 'sid' ? 'closed' : 'warning')
      for (const door of ['import-by-root', 'build-by-root', 'build-by-daemon']) {
        assert.match(doors.get(door)?.detail ?? '', /^nixsig: refused \/nix\/store\/\S+-nixsig-doctor-/, door)
      }
      const effects = doors.get('effects')?.detail ?? ''
      for (const who of ['root', 'nix-daemon'])
        assert.match(
          effects,
          new RegExp(`${who}: seen at work: plugin-files, build-hook, pre-build-hook, sandbox`),
        )
      assert.deepEqual((await world.run(`${DOCTOR} --quiet`)).stdout, '')
      await runAll(world, commandsOf(PAGE))
      const cron = blockOf(PAGE, 'Watch over a machine', 'cron')
      const [, command = ''] = /^0 6 \* \* \* root (.*)\n$/.exec(cron.text) ?? []
      assert.equal(await world.output(command), '')
      markRun(cron, version)
      assert.deepEqual(await files(world), before)
    }))
}

for (const version of VERSIONS) {
  test(`${version}: each hole in nix.conf is found`, t =>
    withGuardedWorld(version, async guarded => {
      // A build hook that leaves every build to its caller.
      guarded.world.write(
        '/srv/decline',
        '#!/bin/sh\necho "# decline-permanently" >&2\ncat >/dev/null\n',
        0o755,
      )
      await findTogether(t, guarded, SETTINGS)
      for (const hole of ALONE) await t.test(hole.name, () => findHole(guarded, hole))
    }))

  test(`${version}: a daemon, a gate and a shell that are otherwise than they should be`, t =>
    withGuardedWorld(version, async guarded => {
      for (const [name, find] of Object.entries(OTHERWISE)) await t.test(name, () => find(guarded))
    }))
}

test('a gate that hangs is found', () =>
  withGuardedWorld('sid', async ({ world, gate }) => {
    const before = await files(world)
    const { holes } = await whileStopped(gate.pid, () => examine(world))
    // Nix is still answered, by the process that speaks HTTP.
    assert.ok(holes.includes('gate-socket'), String(holes))
    assert.deepEqual(await files(world), before)
  }))

test('each hole elsewhere is found', t =>
  withGuardedWorld('sid', async guarded => {
    await findTogether(t, guarded, ELSEWHERE)
    for (const hole of ELSEWHERE_ALONE) await t.test(hole.name, () => findHole(guarded, hole))
  }))

/** One after the other in the same world; the gate is gone after the last. */
const OTHERWISE: Readonly<Record<string, (guarded: GuardedWorld) => Promise<void>>> = {
  "what root's own shell tells Nix is seen": async ({ world }) => {
    const { holes } = await examine(world, { NIX_CONFIG: 'plugin-files =\nrequire-sigs = false' })
    assert.deepEqual(holes, ['plugin-files', 'plugin-loaded', 'require-sigs', 'import-by-root'])
  },
  'a daemon that was told otherwise is found, and so is one that was not restarted': async ({ world }) => {
    await stopDaemon(world)
    const told = await world.startDaemon({ env: { NIX_CONFIG: 'sandbox = false\nplugin-files =' } })
    const { holes, doors } = await examine(world)
    assert.deepEqual(holes, [
      'daemon-overrides',
      'plugin-files',
      'plugin-loaded',
      'sandbox',
      'import-by-daemon',
      'effects',
    ])
    assert.match(doors.get('sandbox')?.detail ?? '', /^nix-daemon: sandbox = false$/)
    await told.stop()
    await world.startDaemon()
    assert.deepEqual((await examine(world)).holes, [])
    inConf('cores = 1')(world)
    assert.deepEqual((await examine(world)).holes, ['daemon-age'])
  },
  'without a daemon its doors do not apply': async ({ world }) => {
    await stopDaemon(world)
    const { holes, doors, told } = await examine(world)
    assert.deepEqual(holes, [], told)
    for (const door of ['daemon-age', 'import-by-daemon', 'build-by-daemon'])
      assert.equal(doors.get(door)?.state, 'not applicable')
  },
  'a gate that is gone': async ({ world, gate }) => {
    await gate.end('SIGTERM')
    assert.deepEqual((await examine(world)).holes, ['gate-socket', 'gate-http'])
  },
}

test('a fault of Nix itself is warned of, until somebody says that it is mended', () =>
  withGuardedWorld('bookworm', async ({ world }) => {
    const told = await world.run(DOCTOR)
    assert.equal(told.status, 0)
    assert.match(
      told.stdout,
      /^warning +nix-advisories: by its number nix \(Nix\) 2\.8\.\d+ is affected by CVE-2024-38531/m,
    )
    assert.match(told.stdout, /^\d+ doors are closed, 1 warning$/m)
    const mended = ADVISORIES.map(({ id }) => `--mended ${id}`).join(' ')
    assert.match((await world.run(`${DOCTOR} ${mended}`)).stdout, /^all \d+ doors are closed$/m)
    const wrong = await world.run(`${DOCTOR} --mended CVE-2024-0000`)
    assert.equal(wrong.status, 2)
    assert.match(wrong.stderr, /CVE-2024-0000 is not an advisory that nixsig knows/)
  }))

test('trixie: a daemon that reads no file of root’s forgets the build-hook, and is told it by NIX_CONFIG', () =>
  withGuardedWorld('trixie', async ({ world }) => {
    await stopDaemon(world)
    const forgetful = await world.startDaemon({ env: { NIX_USER_CONF_FILES: '/srv/none' } })
    const { doors, holes } = await examine(world)
    assert.deepEqual(holes, ['nix.conf', 'build-hook', 'builders', 'effects'])
    assert.match(doors.get('build-hook')?.detail ?? '', /^nix-daemon: \S+nix is not nixsig's build-hook$/)
    assert.match(doors.get('effects')?.detail ?? '', /nix-daemon asked the pre-build-hook in its place/)
    await forgetful.stop()
    const env = { NIX_USER_CONF_FILES: '/srv/none', NIX_CONFIG: 'build-hook = /opt/nixsig/build-hook' }
    await world.startDaemon({ env })
    assert.deepEqual((await examine(world)).holes, [])
  }))

test('a policy that lets be built here what nobody signed is judged by, and leaves nothing', () =>
  withGuardedWorld('sid', async ({ world }) => {
    const policy = world.read('/etc/nixsig/policy.toml')
    world.write(
      '/etc/nixsig/policy.toml',
      policy.replace('derivation = "packager", output', 'derivation = "nothing", output'),
    )
    const before = await files(world)
    const { holes, doors } = await examine(world)
    assert.deepEqual(holes, [])
    assert.match(doors.get('build-by-root')?.detail ?? '', /^note: it was judged/)
    assert.deepEqual(await files(world), before)
  }))

test('attack: whoever interrupts the doctor does not make it leave anything behind', () =>
  withGuardedWorld('sid', async ({ world }) => {
    inConf('plugin-files =')(world)
    const before = await files(world)
    for (const seconds of ['0.3', '0.5', '0.7']) {
      await world.run(`timeout --signal INT ${seconds} ${DOCTOR}`)
      assert.deepEqual(await files(world), before, seconds)
    }
  }))

test('only root can have his machine examined', () =>
  withGuardedWorld('bookworm', async ({ world }) => {
    const { status, stderr } = await world.run(DOCTOR, { user: 'alice' })
    assert.equal(status, 2)
    assert.match(stderr, /^nixsig: the doctor looks at what only root can see/)
  }))

/** What follows from any change of nix.conf, be it only of its mode, while the daemon runs. */
const STALE = ['daemon-age']

/** Makes several holes at once, and has all of them found in one examination. */
async function findTogether(t: TestContext, { world }: GuardedWorld, holes: readonly Hole[]): Promise<void> {
  const conf = world.read('/etc/nix/nix.conf')
  const mends: string[] = []
  for (const { make } of holes) mends.unshift((await make(world)) ?? 'true')
  const before = await files(world)
  const report = await examine(world)
  for (const { name, doors } of holes) {
    await t.test(name, () => {
      for (const door of doors) assert.ok(report.holes.includes(door), `${door} is not among ${report.holes}`)
    })
  }
  const expected = [...STALE, ...holes.flatMap(({ doors, also = [] }) => [...doors, ...also])]
  assert.deepEqual(
    report.holes.filter(door => !expected.includes(door)),
    [],
    report.told,
  )
  assert.deepEqual(await files(world), before)
  world.write('/etc/nix/nix.conf', conf)
  await world.output(mends.join('\n'))
}

/** Makes a hole, has it found, and mends it. Nothing of what came in by it may be left. */
async function findHole({ world }: GuardedWorld, { make, doors, also = [] }: Hole): Promise<void> {
  const conf = world.read('/etc/nix/nix.conf')
  const mend = await make(world)
  const before = await files(world)
  const { status, holes, told } = await examine(world)
  assert.equal(status, 1)
  for (const door of doors) assert.ok(holes.includes(door), `${door} is not among ${holes}`)
  const more = holes.filter(door => ![...doors, ...also, ...STALE].includes(door))
  if (!also.includes('*')) assert.deepEqual(more, [], told)
  assert.deepEqual(await files(world), before)
  if (mend === undefined) world.write('/etc/nix/nix.conf', conf)
  else await world.output(mend)
}

/**
 * Stops a process for as long as something takes; nsenter, which started it, stops itself
 * meanwhile.
 */
async function whileStopped<T>(pid: number, action: () => Promise<T>): Promise<T> {
  const parent = Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ')[3])
  process.kill(pid, 'SIGSTOP')
  try {
    return await action()
  } finally {
    for (const stopped of [parent, pid]) process.kill(stopped, 'SIGCONT')
  }
}

/**
 * All of this world, which has process numbers of its own: one that serves the gate does not heed a
 * SIGTERM.
 */
async function stopDaemon(world: World): Promise<void> {
  const daemons = 'grep -lsz "^nix-daemon" /proc/[0-9]*/cmdline | cut -d/ -f3'
  // A process that served a client may have ended before it is killed, so a failed kill is no error.
  await world.output(
    `kill -KILL $(${daemons}) 2>/dev/null; while [ -n "$(${daemons})" ]; do sleep 0.05; done`,
  )
}

everyBlockWasRun('e2e/doctor')
