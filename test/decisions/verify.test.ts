// Attacks on the decision log by whoever was root, each told with its reason.
import assert from 'node:assert/strict'
import fs, {
  chmodSync,
  cpSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { generateKey } from '../../src/crypto/secret-key.ts'
import { digestOf } from '../../src/decisions/append.ts'
import { keepCheckpoint } from '../../src/decisions/checkpoint.ts'
import { foldSegments } from '../../src/decisions/fold.ts'
import { type KeptCheckpoint, parseKept } from '../../src/decisions/kept-checkpoint.ts'
import { limitSize } from '../../src/decisions/limit.ts'
import { SEGMENT_LINES } from '../../src/decisions/line.ts'
import { parseLine, printLine } from '../../src/decisions/parse-line.ts'
import { logPlaces, numberName } from '../../src/decisions/places.ts'
import { verifyLog } from '../../src/decisions/verify.ts'
import { appendDecision, appendDecisions, makeState } from '../support/decisions/lines.ts'

const KEY = generateKey('host-1')

let state: string
beforeEach(() => {
  state = makeState()
})
afterEach(() => rmSync(state, { recursive: true }))

const DECISION = {
  door: 'gate',
  asker: 'user 1000',
  outcome: 'untrusted',
  letIn: false,
  ground: 'a rule',
  mode: 'enforce',
  message: 'refused',
} as const

const append = (count: number) => appendDecisions(state, count, DECISION)

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
  const gone =
    /^gone,,elsewhere covers 21 lines, and 1024 were removed since: it proves nothing, give a later one$/
  assert.match(String(kinds([early, folded])), gone)
  const report = verify([folded])
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

/** Makes a log of its own that looks as if its beginning had been removed because it was full. */
function forgeRemoved(log: string): void {
  rmSync(logPlaces(state).directory, { recursive: true })
  append(2 * SEGMENT_LINES)
  foldSegments(state)
  limitSize(state, 1)
  const { removed } = logPlaces(state)
  const known = join(removed, readdirSync(removed)[0] ?? '')
  writeFileSync(known, readFileSync(known, 'utf8').replace(/"log":"[0-9a-f]{32}"/, `"log":${log}`))
}

test('attack: a log that was made up claims that what a checkpoint covers was removed', () => {
  append(10)
  const kept = checkpoint()
  const { log } = verify()
  forgeRemoved(`"${log}"`)
  assert.deepEqual(kinds(), [])
  const gone = [
    'gone',
    undefined,
    'elsewhere covers 11 lines, and 1024 were removed since: it proves nothing, give a later one',
  ]
  assert.deepEqual(kinds([kept]), [gone])
  // A later one of the forged log beside it, in a place that takes new files, does not help.
  const forged = checkpoint()
  assert.equal(forged.checkpoint.origin, kept.checkpoint.origin)
  assert.deepEqual(kinds([kept, forged]), [gone])
  forgeRemoved('null')
  assert.deepEqual(kinds(), [['no-beginning', undefined, 'what is known of removed lines names no log']])
})

test('attack: a segment, or the newest one, is removed', () => {
  append(3 * SEGMENT_LINES)
  foldSegments(state)
  const kept = checkpoint()
  const segment = (number: number) => join(logPlaces(state).segments, numberName(number))
  rmSync(logPlaces(state).checkpoints, { recursive: true })
  const bytes = readFileSync(segment(SEGMENT_LINES))
  rmSync(segment(SEGMENT_LINES))
  assert.deepEqual(kinds(), [['missing', SEGMENT_LINES, 'there is a later line']])
  writeFileSync(segment(SEGMENT_LINES), bytes)
  assert.deepEqual(kinds([kept]), [])
  rmSync(segment(2 * SEGMENT_LINES))
  assert.deepEqual(kinds(), [['missing', 2 * SEGMENT_LINES, 'there is a later line']])
  rmSync(file(3 * SEGMENT_LINES))
  assert.deepEqual(kinds(), [])
  assert.deepEqual(kinds([kept]), [['cut', 2048, 'elsewhere covers 3073 lines, and there are 2048']])
})

test('attack: a file with a number far away does not keep the log from being verified', () => {
  append(10)
  for (const number of [5000, 700_000_000_000, 999_999_999_999]) writeFileSync(file(number), text(10))
  const found = kinds()
  assert.deepEqual(found.slice(0, 2), [
    ['missing', 11, 'there is a later line'],
    ['moved', 5000, 'it says that it is line 10'],
  ])
  assert.deepEqual(
    found.slice(2).map(([kind, line]) => [kind, line]),
    [
      ['missing', 5001],
      ['moved', 700_000_000_000],
      ['missing', 700_000_000_001],
      ['moved', 999_999_999_999],
    ],
  )
})

test('attack: a time that no clock has', () => {
  append(10)
  writeFileSync(file(10), text(10).replace(/"time":\d+/, '"time":8640000000000001'))
  assert.match(String(kinds()), /^malformed,10,decision log: .*is later than any date/)
})

test('attack: many faults of lines do not hide what a checkpoint tells', () => {
  append(250)
  const kept = checkpoint()
  for (let number = 1; number < 250; number++) writeFileSync(file(number), '')
  rmSync(file(250))
  const found = kinds([kept])
  assert.equal(found.length, 102)
  assert.deepEqual(found.at(-1), ['cut', 250, 'elsewhere covers 251 lines, and there are 250'])
})

test('attack: a checkpoint beside the log is changed', () => {
  append(10)
  checkpoint()
  const known = join(logPlaces(state).checkpoints, numberName(11))
  writeFileSync(known, readFileSync(known, 'utf8').replace('\n11\n', '\n9\n'))
  unlinkSync(file(10))
  assert.deepEqual(kinds(), [
    ['bad-checkpoint', undefined, `${known} is not signed by the key of this machine`],
  ])
  writeFileSync(known, '')
  const early = join(logPlaces(state).checkpoints, numberName(1))
  writeFileSync(early, '')
  const bad = kinds()
  assert.match(String(bad[0]), new RegExp(`^bad-checkpoint,,${early}: signed note: `))
  assert.match(String(bad[1]), new RegExp(`^bad-checkpoint,,${known}: signed note: `))
})

test('attack: what was written between a checkpoint and the end is cut off', () => {
  append(10)
  const early = checkpoint()
  append(10)
  const late = checkpoint()
  rmSync(logPlaces(state).checkpoints, { recursive: true })
  for (let number = 15; number <= 20; number++) unlinkSync(file(number))
  assert.deepEqual(kinds([early]), [])
  assert.deepEqual(kinds([early, late]), [['cut', 15, 'elsewhere covers 21 lines, and there are 15']])
})

test('a loss of power takes no line that a checkpoint covers: they are flushed first', () => {
  const real = fs.fsyncSync
  const flushed: string[] = []
  fs.fsyncSync = fd => {
    flushed.push(readlinkSync(`/proc/self/fd/${fd}`))
    real(fd)
  }
  syncBuiltinESMExports()
  try {
    append(SEGMENT_LINES + 3)
    // The first line begins the log, and is always flushed.
    assert.equal(flushed.length, 1)
    foldSegments(state)
    checkpoint()
  } finally {
    fs.fsyncSync = real
    syncBuiltinESMExports()
  }
  const last = flushed.findIndex(name => name.includes('/checkpoints/'))
  for (const number of [1024, 1025, 1026, 1027]) {
    const at = flushed.indexOf(file(number))
    assert.ok(at >= 0 && at < last, `line ${number}: ${flushed.slice(-8)}`)
  }
})

test('a line is removed while the log is verified because it is full', () => {
  append(2 * SEGMENT_LINES)
  foldSegments(state)
  const kept = checkpoint()
  const real = fs.openSync
  let isDone = false
  // What verifying reads first is what was removed.
  fs.openSync = ((...given: Parameters<typeof real>) => {
    if (!isDone && String(given[0]).includes('/segments/')) {
      isDone = true
      limitSize(state, 1)
    }
    return real(...given)
  }) as typeof real
  syncBuiltinESMExports()
  try {
    assert.deepEqual(kinds([kept]), [])
  } finally {
    fs.openSync = real
    syncBuiltinESMExports()
  }
  assert.equal(verify().removed, SEGMENT_LINES)
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

test('a checkpoint of another machine is told as that', () => {
  append(10)
  const other = makeState()
  appendDecisions(other, 10, DECISION)
  const { bytes } = keepCheckpoint(other, generateKey('host-2'))
  rmSync(other, { recursive: true })
  assert.deepEqual(kinds([parseKept(bytes, 'given')]), [
    [
      'bad-checkpoint',
      undefined,
      "given is of another log, and not signed by the key of this machine: is it another machine's?",
    ],
  ])
})

test('attack: a second signature under the name of the key that does not verify', () => {
  append(10)
  const kept = checkpoint()
  const [own] = kept.note.signatures
  assert.ok(own)
  const other = { ...own, signature: Buffer.alloc(64, 1) }
  for (const signatures of [
    [own, other],
    [other, own],
  ])
    assert.deepEqual(kinds([{ ...kept, note: { ...kept.note, signatures } }]), [
      ['bad-checkpoint', undefined, 'elsewhere is not signed by the key of this machine'],
    ])
  // What somebody else signed beside it makes no difference.
  const witness = { ...other, name: 'witness.example' }
  assert.deepEqual(kinds([{ ...kept, note: { ...kept.note, signatures: [own, witness] } }]), [])
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
    ...DECISION,
    path,
    asker: '\0'.repeat(9999),
    ground: '"'.repeat(9999),
    message: '\u2028\\'.repeat(4096),
  }
  const evidence = Array.from({ length: 99 }, () => 'a'.repeat(64))
  appendDecision(state, { ...hostile, evidence })
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

test('a loss of power empties several lines that were not flushed: lost, and not changed', () => {
  append(SEGMENT_LINES - 10)
  for (let number = 1005; number <= 1010; number++) writeFileSync(file(number), '')
  append(20)
  const lost = [1005, 1006, 1007, 1008, 1009, 1010].map(number => ['lost', number])
  const found = () => kinds().map(([kind, line]) => [kind, line])
  assert.deepEqual(found(), lost)
  foldSegments(state)
  assert.deepEqual(found(), lost)
  const kept = checkpoint()
  limitSize(state, 1)
  assert.deepEqual(found(), lost)
  // What a checkpoint covers was on the disk: who empties that is told twice.
  const segment = join(logPlaces(state).segments, numberName(0))
  writeFileSync(segment, readFileSync(segment, 'latin1').replace(/\n\{"number":900,.*\n/, '\n\n'))
  rmSync(logPlaces(state).checkpoints, { recursive: true })
  assert.deepEqual(
    kinds([kept]).map(([kind, line]) => [kind, line]),
    [['lost', 900], ...lost, ['rewritten', undefined]],
  )
})

test('bytes that are no line, and more than a line may have', () => {
  append(5)
  writeFileSync(file(5), '{"number":5}')
  assert.match(String(kinds()), /^malformed,5,decision log: field "previous" is missing/)
  writeFileSync(file(5), 'x'.repeat(4097))
  assert.match(String(kinds()), /^unreadable,,.*is larger than 4096 bytes/)
})

test('attack: a log that begins again behind other lines', () => {
  append(5)
  const last = digestOf(readFileSync(file(5)))
  writeFileSync(file(6), text(0).replace(/"number":0,"previous":"0+"/, `"number":6,"previous":"${last}"`))
  assert.deepEqual(kinds(), [['malformed', 6, 'decision log: a beginning behind other lines (the line)']])
})

test('attack: the log is gone', () => {
  append(10)
  const kept = checkpoint()
  const { directory } = logPlaces(state)
  rmSync(directory, { recursive: true })
  const none = ['no-beginning', undefined, `there is no line in ${directory}`]
  assert.deepEqual(kinds(), [none])
  assert.deepEqual(kinds([kept]), [none, ['cut', 0, 'elsewhere covers 11 lines, and there are 0']])
})

test('attack: all that is left of a full log is removed, so that nobody reads what is written from then on', () => {
  append(2 * SEGMENT_LINES + 5)
  foldSegments(state)
  assert.equal(limitSize(state, 1), SEGMENT_LINES)
  const { open, segments, tree, checkpoints } = logPlaces(state)
  for (const each of [open, segments, tree, checkpoints]) rmSync(each, { recursive: true, force: true })
  const gone = `${SEGMENT_LINES} lines were removed because the log was full, none of the later ones is there`
  assert.deepEqual(kinds(), [
    ['no-beginning', undefined, `there is no line in ${logPlaces(state).directory}`],
    ['cut', SEGMENT_LINES, gone],
  ])
  append(SEGMENT_LINES - 1)
  const hidden = `${gone}, and ${SEGMENT_LINES} are written under numbers of removed ones`
  assert.deepEqual(kinds(), [['cut', SEGMENT_LINES, hidden]])
  // Neither signed as if nothing were wrong, nor removed as if it had been there before.
  assert.throws(() => checkpoint(), { message: `the decision log was cut: ${hidden}: nixsig log verify` })
  assert.deepEqual(foldSegments(state), [0])
  assert.throws(() => limitSize(state, 1), {
    message: `the decision log was cut: ${hidden}: nixsig log verify`,
  })
  assert.deepEqual(readdirSync(segments), [numberName(0)])
})

test('attack: checkpoints about lines that are not there have no later one removed, and are told', () => {
  append(3)
  const { checkpoints } = logPlaces(state)
  const first = checkpoint()
  for (let number = 0; number < 300; number++)
    writeFileSync(join(checkpoints, numberName(900_000_000_000 + number)), 'none', { mode: 0o600 })
  append(1)
  checkpoint()
  const names = readdirSync(checkpoints)
  assert.ok(names.includes(numberName(first.checkpoint.size)) && names.includes(numberName(5)))
  assert.equal(names.length, 302)
  assert.match(String(kinds()[0]), /^bad-checkpoint,.*\/900000000000: /)
})

test('attack: the end is cut off and the trees over it stay: only what is there is signed', () => {
  append(2 * SEGMENT_LINES)
  foldSegments(state)
  const whole = checkpoint()
  const overAll = readFileSync(logPlaces(state).tree)
  const { open, segments } = logPlaces(state)
  unlinkSync(join(segments, numberName(SEGMENT_LINES)))
  for (const name of readdirSync(open)) unlinkSync(join(open, name))
  append(3)
  assert.equal(checkpoint().checkpoint.size, SEGMENT_LINES + 3)
  assert.deepEqual(
    kinds([whole]).map(([kind, line]) => [kind, line]),
    [
      ['cut', SEGMENT_LINES + 3],
      ['cut', SEGMENT_LINES + 3],
    ],
  )
  assert.deepEqual(
    verify().checkpoints.map(({ lines }) => lines),
    [SEGMENT_LINES + 3],
  )
  // As well where nobody signed before as many lines were there again.
  append(SEGMENT_LINES)
  foldSegments(state)
  writeFileSync(logPlaces(state).tree, overAll)
  assert.equal(checkpoint().checkpoint.size, 2 * SEGMENT_LINES + 3)
  assert.deepEqual(
    kinds().map(([kind]) => kind),
    ['rewritten'],
  )
  assert.deepEqual(
    verify().checkpoints.map(({ lines }) => lines),
    [SEGMENT_LINES + 3, 2 * SEGMENT_LINES + 3],
  )
})
