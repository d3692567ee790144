import assert from 'node:assert/strict'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { carryOut, writeRecord } from '../../src/setup/carry-out.ts'
import { describeStep } from '../../src/setup/describe.ts'
import type { Found } from '../../src/setup/found.ts'
import { look } from '../../src/setup/look.ts'
import { recordFile } from '../../src/setup/places.ts'
import { planSetup, recordUnderWay } from '../../src/setup/plan.ts'
import { planLeave } from '../../src/setup/plan-unsetup.ts'
import { parseRecord, printRecord } from '../../src/setup/record.ts'
import { setUp } from '../../src/setup/set-up.ts'
import { type Machine, makeMachine } from './machine.ts'

let machine: Machine
beforeEach(() => {
  machine = makeMachine()
})
afterEach(() => machine.remove())

/** Gives the test its own machine, whose policy it may change. */
function own(): void {
  machine.remove()
  machine = makeMachine('own')
}

const text = (file: string) => readFileSync(file, 'latin1')
const conf = () => text(machine.places.nixConf)
const settings = () => text(machine.places.included)

/** Writes nix.conf, byte for byte. */
function writeConf(contents: string, mode = 0o644): void {
  writeFileSync(machine.places.nixConf, contents, 'latin1')
  chmodSync(machine.places.nixConf, mode)
}

/** Everything that setup may change, with modes, in its current state. */
function picture(): unknown {
  const { nixConf, included, unit, policy } = machine.places
  return [nixConf, included, unit, policy].map(file => {
    if (!existsSync(file)) return [file]
    const { mode, uid, gid } = statSync(file)
    return [file, text(file), mode, uid, gid]
  })
}

const ODD: Readonly<Record<string, string>> = {
  'that is empty': '',
  'that is usual': 'sandbox = false\nsubstituters = https://cache.nixos.org\n',
  'without a line feed at its end': 'cores = 1\nsandbox = false',
  'whose last line is a comment without an end': 'cores = 1\n# the end',
  'with carriage returns': 'cores = 1\r\nsandbox = false\r\n',
  'with carriage returns and no end': 'cores = 1\r\nsandbox = false\r',
  'in no encoding at all': 'cores = 1 # \xff\xfe\x80\n',
  'of blank lines': '\n\n\n',
}

for (const [what, contents] of Object.entries(ODD)) {
  for (const mode of [0o644, 0o600]) {
    test(`nix.conf ${what}, mode ${mode.toString(8)}, is restored byte for byte`, async () => {
      writeConf(contents, mode)
      const before = picture()
      assert.equal((await machine.setUp()).kind, 'done')
      assert.ok(conf().startsWith(contents))
      assert.ok(conf().endsWith(`\ninclude ${machine.places.included}\n`))
      assert.equal(statSync(machine.places.nixConf).mode & 0o777, mode)
      assert.match(settings(), /^sandbox = true$/m)
      assert.equal((await machine.setUp()).kind, 'nothing')
      assert.equal((await machine.takeDown()).kind, 'done')
      assert.deepEqual(picture(), before)
      assert.equal((await machine.takeDown()).kind, 'nothing')
    })
  }
}

test('on a machine without nix.conf it is made, and removed again with its directory', async () => {
  const directory = dirname(machine.places.nixConf)
  rmdirSync(directory)
  const mask = process.umask(0o077)
  try {
    assert.equal((await machine.setUp()).kind, 'done')
  } finally {
    process.umask(mask)
  }
  assert.equal(statSync(directory).mode & 0o777, 0o755)
  assert.equal(statSync(machine.places.nixConf).mode & 0o777, 0o644)
  assert.equal(statSync(machine.places.included).mode & 0o777, 0o644)
  await machine.takeDown()
  assert.equal(existsSync(directory), false)
})

test('the plan that is shown is what is done', async () => {
  writeConf('cores = 1')
  const { plan } = await machine.setUp()
  const shown = plan?.steps.flatMap(describeStep).map(({ mark, text }) => mark + text) ?? []
  assert.deepEqual(
    shown.filter(line => line.includes(dirname(machine.places.nixConf))).map(line => line.trim()),
    [
      `make ${machine.places.included}`,
      `change ${machine.places.nixConf}`,
      `+include ${machine.places.included}`,
    ],
  )
  for (const line of settings().trimEnd().split('\n')) {
    if (!line.startsWith('trusted-public-keys')) assert.ok(shown.includes(`+${line}`), line)
  }
  assert.deepEqual(plan?.newKeys, ['machine', 'gate'])
})

test('unchanged lines of nix.conf are not shown: they can hold secrets', async () => {
  writeConf('access-tokens = github.com=secret')
  const { plan } = await machine.setUp()
  assert.doesNotMatch(JSON.stringify(plan?.steps.flatMap(describeStep)), /secret/)
  assert.equal(statSync(recordFile(machine.places)).mode & 0o777, 0o600)
})

test('nothing is done when the user declines', async () => {
  writeConf('cores = 1\n')
  const before = picture()
  const wish = { directory: machine.directory, without: [] }
  assert.deepEqual(await setUp(machine.places, wish, async () => false), { kind: 'declined' })
  assert.deepEqual(picture(), before)
  assert.equal(existsSync(machine.places.state), false)
})

test('a file that changes after the plan was shown stops setup', async () => {
  writeConf('cores = 1\n')
  const wish = { directory: machine.directory, without: [] }
  const outcome = setUp(machine.places, wish, async () => {
    writeConf('cores = 2\n')
    return true
  })
  await assert.rejects(outcome, /files changed while the plan was read/)
  assert.equal(conf(), 'cores = 2\n')
})

test('Nix is configured with the gate’s address in the policy and the key that it signs with', async () => {
  own()
  writeFileSync(machine.places.policy, `${text(machine.places.policy)}[gate]\nlisten = "0.0.0.0:5000"\n`)
  await machine.setUp()
  assert.match(settings(), /^substituters = http:\/\/127\.0\.0\.1:5000$/m)
  const key = text(join(machine.places.state, 'gate.pub')).trim()
  assert.ok(settings().includes(`\ntrusted-public-keys = ${key}\n`))
})

test('programs in C replace those of Node where they exist', async () => {
  await machine.setUp()
  const { directory } = machine
  assert.match(settings(), new RegExp(`^pre-build-hook = ${directory}/pre-build-hook$`, 'm'))
  assert.match(settings(), new RegExp(`^plugin-files = ${directory}/native/nixsig-plugin.so$`, 'm'))
  for (const name of ['pre-build-hook', 'post-build-hook']) {
    writeFileSync(join(directory, 'native', name), '', { mode: 0o755 })
  }
  assert.equal((await machine.setUp()).kind, 'done')
  for (const name of ['pre-build-hook', 'post-build-hook']) {
    assert.match(settings(), new RegExp(`^${name} = ${directory}/native/${name}$`, 'm'))
  }
})

test('the user’s plugins stay', async () => {
  writeConf('plugin-files = /opt/other.so\nextra-plugin-files = /opt/third.so\n')
  await machine.setUp()
  assert.match(settings(), /^plugin-files = \/opt\/other\.so \/opt\/third\.so \S+nixsig-plugin\.so$/m)
})

test('no flake setting is written where Nix has no flakes and would warn', async () => {
  writeConf('cores = 1\n')
  await machine.setUp()
  assert.doesNotMatch(settings(), /accept-flake-config/)
  for (const conf of ['extra-experimental-features = flakes\n', 'accept-flake-config = true\n']) {
    writeConf(conf)
    await machine.setUp()
    assert.match(settings(), /^accept-flake-config = false$/m)
    await machine.takeDown()
  }
})

test('an installation without plugin and build-hook is reported, and neither is set', async () => {
  for (const name of ['build-hook', 'native']) rmSync(join(machine.directory, name), { recursive: true })
  const { plan } = await machine.setUp()
  assert.doesNotMatch(settings(), /^(?:build-hook|plugin-files)/m)
  assert.match(settings(), /^# in force: hooks, gate; left out: none$/m)
  assert.match(plan?.notes.join('\n') ?? '', /no native\/nixsig-plugin\.so.*\n.*no build-hook/)
})

test('fronts can be left out, which the file notes, and added again', async () => {
  await machine.setUp(['hooks', 'build-hook', 'plugin', 'gate'])
  assert.doesNotMatch(settings(), /^(?:pre-build-hook|post-build-hook|build-hook|plugin-files)/m)
  assert.match(settings(), /^# in force: none; left out: hooks, build-hook, plugin, gate$/m)
  assert.match(settings(), /^substituters =$/m)
  assert.match(settings(), /^trusted-public-keys =$/m)
  assert.equal(existsSync(join(machine.places.state, 'gate.secret')), false)
  const record = parseRecord(readFileSync(recordFile(machine.places)))
  assert.deepEqual(record.without, ['hooks', 'build-hook', 'plugin', 'gate'])
  assert.equal((await machine.setUp(['plugin'])).kind, 'done')
  assert.match(settings(), /^pre-build-hook = /m)
  assert.equal((await machine.takeDown()).kind, 'done')
  assert.equal(existsSync(machine.places.nixConf), false)
})

test('a line added below nixsig’s is above it after the next setup, and stays after unsetup', async () => {
  writeConf('cores = 1')
  await machine.setUp()
  writeConf(`${conf()}sandbox = false\n`)
  assert.equal((await machine.setUp()).kind, 'done')
  assert.ok(conf().endsWith(`include ${machine.places.included}\n`))
  assert.equal((await machine.setUp()).kind, 'nothing')
  assert.deepEqual(await machine.takeDown(), { kind: 'done', emptied: [], notes: [] })
  assert.equal(conf(), 'cores = 1\nsandbox = false\n')
})

test('only nixsig’s lines are removed from nix.conf that was changed since', async () => {
  writeConf('cores = 1\n')
  await machine.setUp()
  writeConf(conf().replace('cores = 1', 'cores = 2'))
  const { kind, notes } = await machine.takeDown()
  assert.equal(kind, 'done')
  assert.match(notes.join(), /was changed since setup: nixsig's two lines were taken out/)
  assert.equal(conf(), 'cores = 2\n')
  assert.equal(existsSync(machine.places.included), false)
})

test('nix.conf that includes nixsig’s file on another line is left, and so is that file, or Nix would fail', async () => {
  writeConf('cores = 1\n')
  await machine.setUp()
  writeConf(`!include nixsig.conf\n`)
  const { kind, notes } = await machine.takeDown()
  assert.equal(kind, 'partly')
  assert.match(notes.join('\n'), /take that line out, and run unsetup again\n.*nixsig\.conf stays until then/)
  assert.ok(existsSync(machine.places.included))
  writeConf('cores = 1\n')
  assert.equal((await machine.takeDown()).kind, 'done')
  assert.equal(existsSync(machine.places.included), false)
  assert.equal(existsSync(recordFile(machine.places)), false)
})

test('nixsig.conf that somebody changed is reported and left, but no longer included', async () => {
  await machine.setUp()
  writeFileSync(machine.places.included, `${settings()}cores = 1\n`)
  const { kind, notes } = await machine.takeDown()
  assert.equal(kind, 'partly')
  assert.match(notes.join(), /nixsig\.conf was changed since setup and is left as it is/)
  assert.match(settings(), /cores = 1/)
  assert.equal(existsSync(machine.places.nixConf), false)
})

test('nixsig.conf that somebody changed is shown, replaced by setup, and gone after unsetup', async () => {
  await machine.setUp()
  writeFileSync(machine.places.included, `${settings()}sandbox = false\n`)
  assert.equal((await machine.setUp()).kind, 'done')
  assert.doesNotMatch(settings(), /^sandbox = false/m)
  await machine.takeDown()
  assert.equal(existsSync(machine.places.included), false)
})

test('a user’s file of that name is restored', async () => {
  writeFileSync(machine.places.included, 'cores = 7\n', { mode: 0o640 })
  writeConf(`!include ${machine.places.included}\n`)
  const before = picture()
  await machine.setUp()
  await machine.takeDown()
  assert.deepEqual(picture(), before)
})

test('without its record setup recognises its lines in the files', async () => {
  writeConf('cores = 1\n')
  const before = picture()
  await machine.setUp()
  rmSync(recordFile(machine.places))
  assert.equal((await machine.setUp()).kind, 'done')
  assert.equal((await machine.setUp()).kind, 'nothing')
  rmSync(recordFile(machine.places))
  const { kind, notes } = await machine.takeDown()
  assert.equal(kind, 'done')
  assert.match(
    notes[0] ?? '',
    /^what setup noted of \S+nix\.conf is missing: nixsig's two lines were taken out/,
  )
  assert.doesNotMatch(notes.join('\n'), /was changed since setup/)
  assert.deepEqual(picture(), before)
})

test('a symbolic link to nix.conf stays one, and its target is restored', async () => {
  const real = join(dirname(dirname(machine.places.nixConf)), 'mine.conf')
  writeFileSync(real, 'cores = 1')
  symlinkSync('../mine.conf', machine.places.nixConf)
  await machine.setUp()
  assert.match(text(real), /^include /m)
  assert.equal((await machine.setUp()).kind, 'nothing')
  await machine.takeDown()
  assert.equal(readlinkSync(machine.places.nixConf), '../mine.conf')
  assert.equal(text(real), 'cores = 1')
})

test('a link that leads to another file since then is not treated as the file that setup changed', async () => {
  const [one, other] = ['one.conf', 'other.conf'].map(name => join(dirname(machine.places.nixConf), name))
  assert.ok(one !== undefined && other !== undefined)
  writeFileSync(one, 'cores = 1\n')
  writeFileSync(other, 'cores = 2\n')
  symlinkSync(one, machine.places.nixConf)
  await machine.setUp()
  rmSync(machine.places.nixConf)
  symlinkSync(other, machine.places.nixConf)
  const { notes } = await machine.takeDown()
  assert.match(notes.join(), /is not the file that setup changed: check .*one\.conf/)
  assert.equal(text(other), 'cores = 2\n')
})

test('killed after any step, setup continues from there, and unsetup undoes every step', async () => {
  const first = 'cores = 1'
  const steps = planSetup(look(machine.places, machine.directory), machine.places, []).steps.length
  assert.equal(steps, 3)
  for (let done = 0; done <= steps; done++) {
    for (const next of ['setup', 'unsetup']) {
      writeConf(first)
      const found = look(machine.places, machine.directory)
      const plan = planSetup(found, machine.places, [])
      mkdirSync(machine.places.state, { recursive: true })
      writeRecord(machine.places, recordUnderWay(plan, found))
      await carryOut(machine.places, plan.steps.slice(0, done))
      for (const { nixConf, included } of [machine.places]) {
        assert.ok(!conf().includes('include ') || existsSync(included), nixConf)
      }
      if (next === 'setup') assert.equal((await machine.setUp()).kind, 'done')
      assert.equal((await machine.takeDown()).kind, 'done')
      assert.equal(conf(), first)
      assert.equal(existsSync(machine.places.included), false)
      assert.equal(existsSync(machine.places.rootConf), false)
    }
  }
})

test('killed while it changes an earlier setup’s file, it still recognises that file', async () => {
  writeConf('cores = 1\n')
  await machine.setUp()
  const found = look(machine.places, machine.directory)
  const plan = planSetup(found, machine.places, ['plugin'])
  writeRecord(machine.places, recordUnderWay(plan, found))
  assert.deepEqual(await machine.takeDown(), { kind: 'done', emptied: [], notes: [] })
  assert.equal(existsSync(machine.places.included), false)
  assert.equal(conf(), 'cores = 1\n')
})

test('the partial files of a killed run are removed by the next', async () => {
  writeConf('cores = 1\n')
  writeFileSync(`${machine.places.nixConf}.nixsig~`, 'half')
  await machine.setUp()
  assert.deepEqual(readdirSync(dirname(machine.places.nixConf)).sort(), ['nix.conf', 'nixsig.conf'])
  for (const file of [machine.places.nixConf, machine.places.included])
    writeFileSync(`${file}.nixsig~`, 'half')
  await machine.takeDown()
  assert.deepEqual(readdirSync(dirname(machine.places.nixConf)), ['nix.conf'])
})

test('two setups at once do not interfere', async () => {
  writeConf('cores = 1\n')
  const kinds = await Promise.allSettled([machine.setUp(), machine.setUp()])
  assert.ok(kinds.some(one => one.status === 'fulfilled' && one.value.kind === 'done'))
  assert.equal(conf().match(/^include /gm)?.length, 1)
  await machine.takeDown()
  assert.equal(conf(), 'cores = 1\n')
})

test('a starter policy is written if there is none, and unsetup keeps it unless told to purge', async () => {
  own()
  rmSync(machine.places.policy)
  await machine.setUp()
  assert.match(text(machine.places.policy), /^mode = "warn"$/m)
  assert.ok(existsSync(join(dirname(machine.places.policy), 'attestations')))
  const { nixConf, policy, state } = machine.places
  await machine.takeDown()
  assert.ok(existsSync(policy))
  assert.ok(existsSync(join(state, 'gate.secret')))
  writeFileSync(join(dirname(policy), 'mine'), '')
  assert.equal((await machine.takeDown(true)).kind, 'done')
  for (const file of [nixConf, policy, state]) assert.equal(existsSync(file), false)
  assert.deepEqual(readdirSync(dirname(policy)), ['mine'])
})

test('attack: setup is not done while nix-daemon has failed, and says what it starts', async () => {
  await machine.setUp(['gate'])
  const found = { ...look(machine.places, machine.directory), hasSystemd: true }
  assert.equal(planSetup({ ...found, failedUnits: [] }, machine.places, ['gate']).isEmpty, true)
  const failedUnits = ['nix-daemon.socket', 'nix-daemon.service']
  const plan = planSetup({ ...found, failedUnits }, machine.places, ['gate'])
  assert.equal(plan.isEmpty, false)
  assert.deepEqual(
    plan.steps.flatMap(describeStep).map(({ text }) => text),
    ['start nix-daemon.socket and nix-daemon.service again, which failed'],
  )
})

/** Plans as on a machine with systemd, of which nothing is asked. */
function planUnits(more: Partial<Found> = {}) {
  const found: Found = { ...look(machine.places, machine.directory), hasSystemd: true, ...more }
  return { found, plan: planSetup(found, machine.places, []) }
}

test('attack: the socket is shown, recorded, renewed when its address changes, and taken back', async () => {
  own()
  const { places } = machine
  const { plan } = planUnits()
  const shown = plan.steps.flatMap(describeStep).map(({ text }) => text)
  for (const line of [`make ${places.socketUnit}`, 'ListenStream=127.0.0.1:4649'])
    assert.ok(shown.includes(line))
  const place = plan.steps.filter(step => step.kind === 'file' && /unit/.test(step.role))
  mkdirSync(places.state)
  await carryOut(places, place)
  writeRecord(places, plan.record)
  const starts = () => planUnits().plan.steps.filter(step => step.kind === 'start-gate')
  rmSync(places.unit)
  assert.deepEqual(starts(), [{ kind: 'start-gate', socket: 'kept' }])
  writeFileSync(places.policy, `${text(places.policy)}[gate]\nlisten = "[::1]:5000"\n`)
  assert.deepEqual(starts(), [{ kind: 'start-gate', socket: 'renewed' }])
  assert.ok(
    planUnits()
      .plan.steps.flatMap(describeStep)
      .some(({ text }) => text === 'ListenStream=[::1]:5000'),
  )
  const left = planLeave({ ...planUnits().found, hasSystemd: true }, places)
  assert.deepEqual(
    left.steps.filter(({ kind }) => kind === 'stop-gate'),
    [{ kind: 'stop-gate', units: ['nixsig.socket'] }],
  )
  await machine.takeDown()
  assert.equal(existsSync(places.socketUnit), false)
})

test('a record of before there was a socket is read, and the socket is added', async () => {
  const { plan } = planUnits()
  const files = new Map([...plan.record.files].filter(([role]) => role !== 'socket-unit'))
  const record = parseRecord(Buffer.from(printRecord({ ...plan.record, files })))
  assert.equal(record.files.has('socket-unit'), false)
  const steps = planUnits({ record }).plan.steps
  assert.ok(steps.some(step => step.kind === 'file' && step.role === 'socket-unit'))
  assert.ok(steps.some(step => step.kind === 'start-gate' && step.socket === 'renewed'))
})

test('a unit of the user’s that ran when setup replaced it runs again after unsetup; else it is left', () => {
  const { places } = machine
  writeFileSync(places.unit, '[Service]\nExecStart=/bin/true\n', { mode: 0o644 })
  for (const was of [['enabled', 'active'], ['active'], []] as const) {
    const { plan } = planUnits({ unitStates: new Map([['unit', was]]) })
    const record = parseRecord(Buffer.from(printRecord(plan.record)))
    const [unit, socketUnit] = (['unit', 'socket-unit'] as const).map(role => {
      const step = plan.steps.find(step => step.kind === 'file' && step.role === role)
      return step?.kind === 'file' ? step.after : undefined
    })
    // By then it is nixsig's own unit that runs.
    const after = {
      record,
      unit,
      socketUnit,
      unitStates: new Map([['unit', ['enabled', 'active']]] as const),
    }
    const { found, plan: again } = planUnits(after)
    assert.deepEqual(again.record.files.get('unit')?.was, was.length === 0 ? undefined : was)
    assert.deepEqual(
      planLeave(found, places).steps.filter(({ kind }) => kind === 'resume'),
      was.length === 0 ? [] : [{ kind: 'resume', unit: 'nixsig.service', was }],
    )
  }
})
