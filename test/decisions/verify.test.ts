// Attacks on the decision log by whoever was root, each told with its reason.
import assert from 'node:assert/strict'
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { generateKey } from '../../src/crypto/secret-key.ts'
import { appendLine, digestOf } from '../../src/decisions/append.ts'
import { type KeptCheckpoint, keepCheckpoint, parseKept } from '../../src/decisions/checkpoint.ts'
import { foldSegments } from '../../src/decisions/fold.ts'
import { limitSize } from '../../src/decisions/limit.ts'
import { type Decision, printDecision, SEGMENT_LINES } from '../../src/decisions/line.ts'
import { parseLine, printLine } from '../../src/decisions/parse-line.ts'
import { logPlaces, numberName } from '../../src/decisions/places.ts'
import { verifyLog } from '../../src/decisions/verify.ts'

const KEY = generateKey('host-1')

let state: string
beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), 'nixsig-decisions-'))
})
afterEach(() => rmSync(state, { recursive: true }))

const decision = (path: string): Decision => ({
  door: 'gate',
  asker: 'user 1000',
  path,
  outcome: 'untrusted',
  letIn: false,
  ground: 'a rule',
  mode: 'enforce',
  message: 'refused',
})

function append(count: number): void {
  for (let left = count; left > 0; left--) {
    const one = decision(`/nix/store/${left}`)
    appendLine(state, place => printDecision(place, one), { isDurable: false })
  }
}

const checkpoint = (): KeptCheckpoint => parseKept(keepCheckpoint(state, KEY).bytes, 'elsewhere')
const file = (number: number) => join(logPlaces(state).open, numberName(number))
const text = (number: number) => readFileSync(file(number), 'latin1')
const verify = (checkpoints: readonly KeptCheckpoint[] = []) =>
  verifyLog(logPlaces(state), { checkpoints, key: KEY.publicKey })
const kinds = (checkpoints: readonly KeptCheckpoint[] = []) =>
  verify(checkpoints).faults.map(({ kind, line, detail }) => [kind, line, detail])

test('a log as it was written has no fault, in its segments and after lines were removed', () => {
  append(20)
  const early = checkpoint()
  append(SEGMENT_LINES)
  foldSegments(state)
  const folded = checkpoint()
  append(SEGMENT_LINES)
  foldSegments(state)
  assert.deepEqual(kinds([early, folded]), [])
  assert.equal(limitSize(state, 1), SEGMENT_LINES)
  const report = verify([early, folded])
  assert.deepEqual(report.faults, [])
  assert.equal(report.removed, SEGMENT_LINES)
  assert.equal(report.lines, 2 * SEGMENT_LINES + 21)
  assert.equal(report.log, early.checkpoint.origin.slice('nixsig.decisions/'.length))
  checkpoint()
  assert.deepEqual(kinds(), [])
  append(1)
  assert.deepEqual(kinds(), [])
})

test('attack: the end is cut off', () => {
  append(10)
  const kept = checkpoint()
  unlinkSync(file(10))
  assert.deepEqual(kinds([kept]), [
    ['cut', 10, `${join(logPlaces(state).checkpoints, numberName(11))} covers 11 lines, and there are 10`],
    ['cut', 10, 'elsewhere covers 11 lines, and there are 10'],
  ])
})

test('attack: the end is cut off, with the checkpoints beside it, and written again', () => {
  append(10)
  const kept = checkpoint()
  rmSync(logPlaces(state).checkpoints, { recursive: true })
  unlinkSync(file(10))
  assert.deepEqual(kinds(), [])
  append(3)
  assert.deepEqual(kinds([kept]), [['rewritten', undefined, 'elsewhere covers 11 lines that are not these']])
})

test('attack: the beginning is cut off', () => {
  append(10)
  for (const number of [0, 1, 2]) unlinkSync(file(number))
  assert.deepEqual(kinds(), [['missing', 0, 'there is a later line']])
})

test('attack: the beginning is cut off as if the log had been full', () => {
  append(2 * SEGMENT_LINES)
  foldSegments(state)
  const kept = checkpoint()
  limitSize(state, 1)
  const { removed } = logPlaces(state)
  const known = join(removed, readdirSync(removed)[0] ?? '')
  const forged = readFileSync(known, 'utf8').replace(/"root":"[0-9a-f]{4}/, '"root":"0000')
  writeFileSync(known, forged)
  rmSync(logPlaces(state).checkpoints, { recursive: true })
  assert.deepEqual(kinds([kept]), [
    ['rewritten', undefined, 'elsewhere covers 2049 lines that are not these'],
  ])
})

test('attack: a line is removed', () => {
  append(10)
  unlinkSync(file(4))
  assert.deepEqual(kinds(), [['missing', 4, 'there is a later line']])
})

test('attack: a line is removed, and the others take its place', () => {
  append(10)
  for (let number = 5; number <= 10; number++) renameSync(file(number), file(number - 1))
  const [first] = kinds()
  assert.deepEqual(first, ['moved', 4, 'it says that it is line 5'])
})

test('attack: a line is changed', () => {
  append(10)
  writeFileSync(file(4), text(4).replace('"let_in":false', '"let_in":true'))
  assert.deepEqual(kinds(), [['changed', 4, 'line 5 names another one in its place']])
})

test('attack: a line of a segment is changed', () => {
  append(SEGMENT_LINES)
  foldSegments(state)
  const segment = join(logPlaces(state).segments, numberName(0))
  writeFileSync(segment, readFileSync(segment, 'latin1').replace('/nix/store/1000"', '/nix/store/9999"'))
  assert.deepEqual(kinds(), [['changed', 25, 'line 26 names another one in its place']])
})

test('attack: two lines change their places', () => {
  append(10)
  const [four, five] = [text(4), text(5)]
  writeFileSync(file(4), five)
  writeFileSync(file(5), four)
  assert.deepEqual(kinds().slice(0, 2), [
    ['moved', 4, 'it says that it is line 5'],
    ['moved', 5, 'it says that it is line 4'],
  ])
})

test('attack: all is written anew with a chain that holds', () => {
  append(10)
  const kept = checkpoint()
  rmSync(logPlaces(state).checkpoints, { recursive: true })
  writeFileSync(file(4), text(4).replace('"let_in":false', '"let_in":true'))
  for (let number = 5; number <= 10; number++) {
    const line = parseLine(text(number))
    writeFileSync(file(number), printLine({ ...line, previous: digestOf(readFileSync(file(number - 1))) }))
  }
  assert.deepEqual(kinds(), [])
  assert.deepEqual(kinds([kept]), [['rewritten', undefined, 'elsewhere covers 11 lines that are not these']])
})

test('attack: the log is removed and begins anew', () => {
  append(10)
  const kept = checkpoint()
  rmSync(logPlaces(state).directory, { recursive: true })
  append(20)
  assert.deepEqual(kinds(), [])
  assert.deepEqual(kinds([kept]), [
    ['other-log', undefined, "elsewhere is of another log: this one began anew, or is another machine's"],
  ])
})

test('attack: an older whole directory is put back', () => {
  append(10)
  cpSync(logPlaces(state).directory, join(state, 'older'), { recursive: true })
  append(5)
  const kept = checkpoint()
  rmSync(logPlaces(state).directory, { recursive: true })
  renameSync(join(state, 'older'), logPlaces(state).directory)
  assert.deepEqual(kinds(), [])
  assert.deepEqual(kinds([kept]), [['cut', 11, 'elsewhere covers 16 lines, and there are 11']])
})

test('attack: an old line is put in the place of a new one', () => {
  append(10)
  writeFileSync(file(10), text(3))
  assert.deepEqual(kinds(), [['moved', 10, 'it says that it is line 3']])
})

test('attack: a checkpoint that another key signed', () => {
  append(10)
  const { bytes } = keepCheckpoint(state, generateKey('host-1'))
  assert.deepEqual(kinds([parseKept(bytes, 'given')]).at(-1), [
    'bad-checkpoint',
    undefined,
    'given is not signed by the key of this machine',
  ])
})

test('attack: a checkpoint with a larger size under the same signature', () => {
  append(10)
  const kept = checkpoint()
  const forged = { ...kept.note, text: kept.note.text.replace('\n11\n', '\n10\n') }
  const one = { ...kept, note: forged, checkpoint: { ...kept.checkpoint, size: 10 } }
  assert.deepEqual(kinds([one]), [
    ['bad-checkpoint', undefined, 'elsewhere is not signed by the key of this machine'],
  ])
})

test('attack: a link, or a file of somebody else, in the place of a line', () => {
  append(10)
  const bytes = text(4)
  unlinkSync(file(4))
  writeFileSync(join(state, 'elsewhere'), bytes)
  symlinkSync(join(state, 'elsewhere'), file(4))
  assert.match(String(kinds()), /^unreadable,,cannot read .*open\/000000000004: ELOOP/)
  unlinkSync(file(4))
  writeFileSync(file(4), bytes)
  assert.deepEqual(kinds(), [])
  chmodSync(file(4), 0o666)
  assert.match(String(kinds()), /^unreadable,,.*open\/000000000004 is writable by others/)
})

test('attack: the clock is set back, which is told and is no fault', () => {
  append(3)
  const real = Date.now
  Date.now = () => real() - 86_400_000
  try {
    append(1)
  } finally {
    Date.now = real
  }
  append(1)
  const report = verify()
  assert.deepEqual(report.faults, [])
  assert.deepEqual(report.setBack, [4])
})

test('attack: hostile names are one line in printable ASCII, of bounded length', () => {
  const path = `/nix/store/\u001b[2J\n{"number":9}\u202e"\\${'x'.repeat(4096)}`
  const hostile = {
    ...decision(path),
    asker: '\0'.repeat(9999),
    ground: '"'.repeat(9999),
    message: '\u2028\\'.repeat(4096),
  }
  const evidence = Array.from({ length: 99 }, () => 'a'.repeat(64))
  appendLine(state, place => printDecision(place, { ...hostile, evidence }), { isDurable: false })
  assert.match(text(1), /^[ -~]{1,4096}$/)
  assert.deepEqual(kinds(), [])
  const line = parseLine(text(1))
  assert.ok(line.kind === 'decision')
  assert.equal(line.path.slice(0, 37), '/nix/store/\\u{1b}[2J\\u{a}{"number":9}')
  assert.deepEqual(
    [line.path.length, line.asker.length, line.ground.length, line.message?.length],
    [255, 64, 256, 512],
  )
})

test('lines that a loss of power emptied are told apart from changed ones', () => {
  append(5)
  writeFileSync(file(4), '')
  append(1)
  writeFileSync(file(5), '\0'.repeat(200))
  assert.deepEqual(
    kinds().map(([kind, line]) => [kind, line]),
    [
      ['lost', 4],
      ['lost', 5],
    ],
  )
})

test('bytes that are no line, and more than a line may have', () => {
  append(5)
  writeFileSync(file(5), '{"number":5}')
  assert.match(String(kinds()), /^malformed,5,decision log: field "previous" is missing/)
  writeFileSync(file(5), 'x'.repeat(4097))
  assert.match(String(kinds()), /^unreadable,,.*is larger than 4096 bytes/)
  mkdirSync(join(state, 'empty'))
  assert.deepEqual(verifyLog(logPlaces(join(state, 'empty')), { checkpoints: [], key: undefined }).lines, 0)
})
