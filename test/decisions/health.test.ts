// What is wrong with the log is found by whoever looks at its end, told with what to do, and refuses
// nothing that has a line already.
import assert from 'node:assert/strict'
import fs, {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { generateKey } from '../../src/crypto/secret-key.ts'
import { digestOf } from '../../src/decisions/append.ts'
import { keepCheckpoint, newestCheckpoint } from '../../src/decisions/checkpoint.ts'
import { foldSegments } from '../../src/decisions/fold.ts'
import { lookAtLog } from '../../src/decisions/health.ts'
import { keepInOrder } from '../../src/decisions/keep-order.ts'
import { type Decision, printDecision, SEGMENT_LINES } from '../../src/decisions/line.ts'
import { logPlaces, numberName } from '../../src/decisions/places.ts'
import { type DecisionLog, recordDecisions } from '../../src/decisions/record.ts'
import { noted, noteTrouble } from '../../src/decisions/trouble.ts'
import { verifyLog } from '../../src/decisions/verify.ts'
import { partialName } from '../../src/files/partial-name.ts'
import { DEFAULT_DECISIONS } from '../../src/policy/language/decisions.ts'
import type { DecisionSettings } from '../../src/policy/policy.ts'
import { appendDecisions, makeState } from '../support/decisions/lines.ts'

const KEY = generateKey('host-1')

let state: string
beforeEach(() => {
  state = makeState()
})
afterEach(() => rmSync(state, { recursive: true }))

const DECISION = {
  door: 'plugin',
  asker: 'root',
  outcome: 'trusted',
  letIn: true,
  ground: 'ledger',
} as const

const decision = (path: string): Decision => ({ ...DECISION, path })

const append = (count: number) => appendDecisions(state, count, DECISION)

const logWith = (settings: Partial<DecisionSettings> = {}): DecisionLog => ({
  state,
  settings: { ...DEFAULT_DECISIONS, ...settings },
  key: () => KEY,
  machine: () => undefined,
})

const LATER = 3_600_000
/** What is found by whoever looks a while later. */
const problems = (log: DecisionSettings['log'] = 'kept') =>
  lookAtLog(state, { log }, Date.now() + LATER)?.problems.map(
    ({ code, detail, isError }) => `${isError ? 'error' : 'warning'} ${code}: ${detail}`,
  )
const steps = () => lookAtLog(state, { log: 'kept' }, Date.now() + LATER)?.problems.map(({ next }) => next)
const file = (number: number) => join(logPlaces(state).open, numberName(number))
const verified = () =>
  verifyLog(logPlaces(state), { checkpoints: [], key: KEY.publicKey }).faults.map(
    ({ kind, line }) => `${kind} ${line}`,
  )

test('a log that is well, one without a line, and none at all have no problem', () => {
  assert.deepEqual(lookAtLog(state, { log: 'required' }), { lines: 0, unfolded: 0, problems: [] })
  assert.deepEqual(readdirSync(state), [])
  assert.equal(lookAtLog(state, { log: 'off' }), undefined)
  append(2 * SEGMENT_LINES + 5)
  assert.equal(keepInOrder(logWith(), 'in time'), undefined)
  assert.deepEqual(lookAtLog(state, { log: 'required' }, Date.now() + LATER), {
    lines: 2 * SEGMENT_LINES + 6,
    unfolded: 6,
    problems: [],
  })
  // It left nothing of its own there.
  assert.ok(
    ![...readdirSync(logPlaces(state).open), ...readdirSync(logPlaces(state).directory)].some(isPrivate),
  )
})

const isPrivate = (name: string) => name.startsWith('~')

test('attack: a log that cannot be written is told, with what to do', () => {
  append(3)
  const { directory, open, askers } = logPlaces(state)
  chmodSync(open, 0o777)
  assert.deepEqual(problems('required'), [
    `error unwritable: ${open} is writable by others (chmod go-w ${open})`,
  ])
  assert.match(steps()?.[0] ?? '', /^make it writable again, then, as root.*: nixsig log checkpoint$/)
  chmodSync(open, 0o700)
  writeFileSync(askers, '')
  chmodSync(askers, 0o666)
  assert.deepEqual(problems(), [`warning unwritable: ${askers} is writable by others (chmod go-w ${askers})`])
  rmSync(directory, { recursive: true })
  symlinkSync('/srv', directory)
  assert.match(
    problems('required')?.[0] ?? '',
    /^error unwritable: .*decisions is not a directory but a symbolic link/,
  )
  unlinkSync(directory)
  writeFileSync(directory, '')
  assert.match(problems('required')?.[0] ?? '', /^error unwritable: .*decisions is not a directory/)
})

test('attack: lines at the end that root removed, changed, moved or emptied are told', () => {
  append(8)
  const [kept, other] = [readFileSync(file(4)), readFileSync(file(6))]
  unlinkSync(file(4))
  assert.deepEqual(problems('required'), [
    'error broken: its end is broken: line 4 is missing, there is a later line',
  ])
  assert.match(steps()?.[0] ?? '', /^as root.*: nixsig log verify, with the newest --checkpoint/)
  writeFileSync(file(4), kept.toString('latin1').replace('"ledger"', '"others"'), { mode: 0o600 })
  assert.deepEqual(problems(), [
    'warning broken: its end is broken: line 4 is changed, line 5 names another one in its place',
  ])
  writeFileSync(file(4), other)
  assert.match(problems()?.[0] ?? '', /line 4 is moved, it says that it is line 6; line 4 is changed/)
  writeFileSync(file(4), '')
  // A loss of power does that, and nothing mends it.
  assert.match(problems('required')?.[0] ?? '', /^warning lost: a line is lost: line 4 is lost, it is empty/)
  writeFileSync(file(4), kept)
  assert.deepEqual(problems(), [])
})

test('attack: lines of the newest segment that root changed are told, and older ones are left to log verify', () => {
  append(2 * SEGMENT_LINES)
  keepInOrder(logWith(), 'in time')
  for (const [first, expected] of [
    [SEGMENT_LINES, /^warning broken: its end is broken: line 1031 is changed/],
    [0, undefined],
  ] as const) {
    const segment = join(logPlaces(state).segments, numberName(first))
    const whole = readFileSync(segment)
    const lines = whole.toString('latin1').split('\n')
    lines[7] = lines[7]?.replace('"ledger"', '"others"') ?? ''
    writeFileSync(segment, lines.join('\n'))
    // Its checkpoint is about its bytes; the names and times are as they were.
    if (expected === undefined) assert.deepEqual(problems(), [])
    else assert.match(problems()?.[0] ?? '', expected)
    assert.ok(verified().length > 0)
    writeFileSync(segment, whole)
  }
})

test('attack: a line far away does not have the doctor read for ever', () => {
  append(5)
  writeFileSync(file(900_000_000_000), 'far away', { mode: 0o600 })
  const started = Date.now()
  assert.match(problems()?.[0] ?? '', /^warning broken: .*is malformed/)
  assert.ok(Date.now() - started < 5000)
})

test('a segment that is not signed a minute later, and lines that nobody folds, are told', () => {
  append(SEGMENT_LINES)
  foldSegments(state)
  assert.deepEqual(lookAtLog(state, { log: 'kept' })?.problems, [])
  assert.deepEqual(problems(), ['warning unsigned: 1024 lines are folded, and none is signed'])
  keepInOrder(logWith(), 'in time')
  assert.deepEqual(problems(), [])
  append(SEGMENT_LINES)
  foldSegments(state)
  const segment = join(logPlaces(state).segments, numberName(SEGMENT_LINES))
  utimesSync(segment, new Date(0), new Date(0))
  assert.deepEqual(problems('required'), [
    'error unsigned: 2048 lines are folded, and the last checkpoint covers 1025',
  ])
  append(4 * SEGMENT_LINES)
  assert.match(
    problems()?.find(one => one.includes('unfolded')) ?? '',
    /^warning unfolded: 4097 lines are not folded, which the store plugin leaves to others, and at 131,072 it can write no more$/,
  )
  assert.ok(
    steps()?.some(next => /^run the gate; or, now and then, as root.*: nixsig log checkpoint$/.test(next)),
  )
  assert.equal(keepInOrder(logWith(), 'at once'), undefined)
  assert.deepEqual(problems(), [])
  assert.deepEqual(verified(), [])
})

for (const log of ['kept', 'required'] as const)
  test(`attack: ${log}: what cannot be signed elsewhere after its line is written is let in, told, and made good`, async () => {
    const elsewhere = join(state, 'elsewhere')
    const away = logWith({ log, checkpointsTo: elsewhere })
    append(SEGMENT_LINES - 2)
    assert.equal(await recordDecisions(away, [decision('/nix/store/last')]), undefined)
    assert.deepEqual(
      problems(log)?.map(words => words.replace(/since \S+Z/, 'since …')),
      [
        `${log === 'required' ? 'error' : 'warning'} untidy: it could not be kept in order since …: ${elsewhere}, where checkpoints are kept as well, is not there`,
      ],
    )
    assert.match(steps()?.[0] ?? '', /^mend that, then, as root.*: nixsig log checkpoint$/)
    assert.equal(newestCheckpoint(logPlaces(state)), SEGMENT_LINES)
    // As long as it is not there, no more of them are made here.
    append(1)
    assert.match(keepInOrder(away, 'at once') ?? '', /is not there$/)
    assert.equal(newestCheckpoint(logPlaces(state)), SEGMENT_LINES)
    mkdirSync(elsewhere)
    assert.equal(keepInOrder(away, 'in time'), undefined)
    assert.notEqual(noted(logPlaces(state)), undefined, 'it was left alone for ten minutes')
    assert.equal(keepInOrder(away, 'at once'), undefined)
    assert.equal(readdirSync(elsewhere).length, 1)
    assert.deepEqual(problems(log), [])
  })

test('attack: required: lines that cannot be folded keep nothing out that is written', async t => {
  const required = logWith({ log: 'required' })
  append(SEGMENT_LINES - 2)
  // A directory in the place of the segment's partial file, as a stand-in for a disk that is full.
  const same = t.mock.method(Math, 'random', () => 0.5)
  const partial = partialName(join(logPlaces(state).segments, numberName(0)))
  mkdirSync(join(partial, 'full'), { recursive: true, mode: 0o700 })
  assert.equal(await recordDecisions(required, [decision('/nix/store/last')]), undefined)
  assert.equal(await recordDecisions(required, [decision('/nix/store/next')]), undefined)
  assert.match(
    problems('required')?.[0] ?? '',
    /^error untidy: it could not be kept in order since .*: cannot move .*000000000000/,
  )
  same.mock.restore()
  rmSync(partial, { recursive: true })
  assert.equal(keepInOrder(required, 'at once'), undefined)
  assert.deepEqual(problems('required'), [])
  assert.deepEqual(verified(), [])
})

test('attack: required: only a line that cannot be written is a reason to refuse', async () => {
  append(1)
  chmodSync(logPlaces(state).open, 0o777)
  const why = await recordDecisions(logWith({ log: 'required' }), [decision('/nix/store/x')])
  assert.match(why ?? '', /decisions\/open is writable by others/)
})

test('a gap that a loss of power left does not keep the log from being bounded', () => {
  append(SEGMENT_LINES + 7)
  unlinkSync(file(500))
  assert.deepEqual(foldSegments(state), [])
  append(SEGMENT_LINES)
  assert.deepEqual(verified(), ['missing 500'])
  assert.deepEqual(foldSegments(state), [0, SEGMENT_LINES])
  assert.deepEqual(verified(), ['lost 500'])
  assert.equal(keepInOrder(logWith({ size: 1 }), 'at once'), undefined)
  assert.deepEqual(verified(), [])
  assert.deepEqual(problems(), [])
})

test('attack: a line far away has nobody fold segments that nobody wrote', () => {
  append(SEGMENT_LINES + 5)
  writeFileSync(file(900_000_000_000), 'far away', { mode: 0o600 })
  assert.deepEqual(foldSegments(state), [0])
  assert.deepEqual(foldSegments(state), [])
})

test('a damaged segment that cannot go although the log is full is told', () => {
  append(3 * SEGMENT_LINES)
  foldSegments(state)
  const { segments } = logPlaces(state)
  writeFileSync(join(segments, numberName(0)), 'cut\n')
  assert.match(
    keepInOrder(logWith({ size: 1 }), 'at once') ?? '',
    /segments\/000000000000 is damaged, .* cannot go although the log is full: nixsig log verify/,
  )
  assert.match(problems()?.find(one => one.includes('untidy')) ?? '', /is damaged/)
})

test('attack: a note of trouble that root wrote escapes nothing, and a damaged one is told', () => {
  append(1)
  noteTrouble(logPlaces(state), 'the disk is full')
  assert.match(
    problems()?.[0] ?? '',
    /^warning untidy: it could not be kept in order since .*: the disk is full$/,
  )
  for (const damaged of [
    '',
    '{"since":1,"tried":1,"why":"\\u001b[2J"}',
    '{"since":8640000000000001,"tried":1,"why":""}',
    '{"since":-1,"tried":1,"why":""}',
    '[]',
  ]) {
    writeFileSync(logPlaces(state).trouble, damaged)
    assert.deepEqual(
      problems(),
      ['warning untidy: it could not be kept in order: the note of it cannot be read'],
      damaged,
    )
  }
  assert.equal(keepInOrder(logWith(), 'at once'), undefined)
  assert.deepEqual(problems(), [])
  noteTrouble(logPlaces(state), '\u{1f512}'.repeat(2000))
  assert.equal(noted(logPlaces(state))?.why, '\u{1f512}'.repeat(500))
  noteTrouble(logPlaces(state), `x${'\u{1f512}'.repeat(2000)}`)
  assert.equal(noted(logPlaces(state))?.why, `x${'\u{1f512}'.repeat(499)}`)
})

test('attack: a checkpoint of that name alone does not have the log unsigned for ever, and is told', () => {
  append(SEGMENT_LINES)
  const { checkpoints } = logPlaces(state)
  mkdirSync(checkpoints, { mode: 0o700 })
  writeFileSync(join(checkpoints, numberName(900_000_000_000)), 'none', { mode: 0o600 })
  assert.equal(keepInOrder(logWith(), 'in time'), undefined)
  assert.deepEqual(readdirSync(checkpoints).sort(), [
    numberName(SEGMENT_LINES + 1),
    numberName(900_000_000_000),
  ])
  assert.deepEqual(problems('required'), [
    `error broken: a checkpoint beside it covers 900000000000 lines, and there are ${SEGMENT_LINES + 1}`,
  ])
})

test('attack: lines at the end that root removed are told, as long as they were signed', () => {
  append(9)
  keepCheckpoint(state, KEY)
  for (const number of [8, 9]) unlinkSync(file(number))
  assert.deepEqual(problems(), ['warning broken: a checkpoint beside it covers 10 lines, and there are 8'])
})

test('attack: a log of which all but what was removed is gone is told, and what is written then is kept', () => {
  append(2 * SEGMENT_LINES)
  assert.equal(keepInOrder(logWith({ size: 1 }), 'at once'), undefined)
  const { open, segments, tree, checkpoints } = logPlaces(state)
  for (const each of [open, segments, tree, checkpoints]) rmSync(each, { recursive: true, force: true })
  append(SEGMENT_LINES - 1)
  const cut = `${SEGMENT_LINES} lines were removed because the log was full, none of the later ones is there, and ${SEGMENT_LINES} are written under numbers of removed ones`
  assert.deepEqual(problems('required'), [`error broken: ${cut}`])
  assert.match(keepInOrder(logWith({ size: 1 }), 'at once') ?? '', /^the decision log was cut: 1024 lines/)
  assert.deepEqual(readdirSync(segments), [numberName(0)])
})

test('attack: a state directory that cannot be looked at is told, and ends no doctor', () => {
  const beyond = join(state, 'a'.repeat(300))
  assert.match(
    lookAtLog(beyond, { log: 'required' })?.problems[0]?.detail ?? '',
    /^cannot look at .*: the name is too long|ENAMETOOLONG/,
  )
})

test('a writer that stood still before a gap became one does not write into what is folded without it', () => {
  append(2 * SEGMENT_LINES + 7)
  const previous = digestOf(readFileSync(file(499)))
  unlinkSync(file(500))
  const late = join(state, 'late')
  writeFileSync(late, printDecision({ number: 500, previous, time: 0 }, decision('/nix/store/late')), {
    mode: 0o600,
  })
  const { linkSync } = fs
  let code: unknown
  // Just before the segment gets its name.
  fs.linkSync = (from, to) => {
    fs.linkSync = linkSync
    syncBuiltinESMExports()
    try {
      linkSync(late, file(500))
    } catch (error) {
      code = (error as NodeJS.ErrnoException).code
    }
    linkSync(from, to)
  }
  syncBuiltinESMExports()
  assert.deepEqual(foldSegments(state), [0, SEGMENT_LINES])
  assert.equal(code, 'EEXIST', 'it had its number, and its line was removed with those that were folded')
  assert.deepEqual(verified(), ['lost 500'])
})

test('so many lines that nobody folded hold up who waits for an answer by no more than some segments', () => {
  // Without looking for the end each time.
  append(1)
  let previous = digestOf(readFileSync(file(1)))
  const count = 18 * SEGMENT_LINES
  for (let number = 2; number < count; number++) {
    const line = Buffer.from(printDecision({ number, previous, time: 1 }, decision('/nix/store/x')))
    writeFileSync(file(number), line, { mode: 0o600 })
    previous = digestOf(line)
  }
  const { fsyncSync } = fs
  let flushed = 0
  fs.fsyncSync = fd => {
    flushed++
    fsyncSync(fd)
  }
  syncBuiltinESMExports()
  try {
    assert.equal(keepInOrder(logWith(), 'in time'), undefined)
    assert.ok(flushed < 100, `${flushed} files were flushed`)
    assert.equal(newestCheckpoint(logPlaces(state)), 0)
    assert.equal(keepInOrder(logWith(), 'in time'), undefined)
    assert.equal(newestCheckpoint(logPlaces(state)), count)
  } finally {
    fs.fsyncSync = fsyncSync
    syncBuiltinESMExports()
  }
  assert.deepEqual(problems(), [])
})
