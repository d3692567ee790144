// The decision log is written by many at once, who may be killed at any point. NIXSIG_KILLS=1000 is
// the long run.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { appendLine, digestOf } from '../../src/decisions/append.ts'
import { foldSegments } from '../../src/decisions/fold.ts'
import { limitSize } from '../../src/decisions/limit.ts'
import { type Decision, NO_LINE, type Place, printDecision, SEGMENT_LINES } from '../../src/decisions/line.ts'
import { parseLine } from '../../src/decisions/parse-line.ts'
import { logPlaces, numberName } from '../../src/decisions/places.ts'
import { verifyLog } from '../../src/decisions/verify.ts'
import { appendDecision, makeState } from '../support/decisions/lines.ts'
import { writerProgram } from '../support/decisions/writer.ts'

const KILLS = Number(process.env['NIXSIG_KILLS'] ?? 30)

let state: string
beforeEach(() => {
  state = makeState()
})
afterEach(() => rmSync(state, { recursive: true }))

const DECISION: Decision = {
  door: 'command',
  asker: 'root',
  path: '/nix/store/00000000000000000000000000000000-hello',
  outcome: 'trusted',
  letIn: true,
  ground: 'a rule',
}

const append = (decision = DECISION) => appendDecision(state, decision)

const openFile = (number: number) => join(state, 'decisions/open', numberName(number))

/** All lines as they lie, folded ones first. */
function allLines(): readonly string[] {
  const directory = join(state, 'decisions')
  const segments = readdirSync(join(directory, 'segments')).filter(name => /^\d{12}$/.test(name))
  const folded = segments.sort().flatMap(name => {
    const lines = readFileSync(join(directory, 'segments', name), 'latin1').split('\n')
    assert.equal(lines.pop(), '')
    assert.equal(lines.length, SEGMENT_LINES)
    return lines
  })
  const open = readdirSync(join(directory, 'open')).sort()
  const newest = open.filter(name => Number(name) >= folded.length)
  return [...folded, ...newest.map(name => readFileSync(join(directory, 'open', name), 'latin1'))]
}

/** Every line is whole, has its number, and names the line before it. */
function assertChained(): readonly ReturnType<typeof parseLine>[] {
  let previous = NO_LINE
  return allLines().map((text, number) => {
    const line = parseLine(text)
    assert.equal(line.number, number)
    assert.equal(line.previous, previous, `line ${number}`)
    previous = digestOf(Buffer.from(text, 'latin1'))
    return line
  })
}

test('a log begins with a line of its own, and each line names the one before it', () => {
  assert.deepEqual(append(), { number: 1, isFoldable: false })
  assert.equal(append().number, 2)
  const [beginning, first] = assertChained()
  assert.equal(beginning?.kind, 'beginning')
  assert.equal(first?.kind === 'decision' && first.path, DECISION.path)
})

test('a missing line stays missing, and a leftover of a folded one is passed over', () => {
  for (let count = 1; count < SEGMENT_LINES; count++) append()
  const open = join(state, 'decisions/open')
  linkSync(join(open, '000000000007'), join(state, 'leftover'))
  assert.deepEqual(foldSegments(state), [0])
  assert.deepEqual(readdirSync(open), [])
  linkSync(join(state, 'leftover'), join(open, '000000000007'))
  assert.equal(append().number, SEGMENT_LINES)
  assertChained()
  assert.equal(append().number, SEGMENT_LINES + 1)
  foldSegments(state)
  assert.deepEqual(readdirSync(open), ['000000001024', '000000001025'])
  unlinkSync(join(open, '000000001024'))
  assert.equal(append().number, SEGMENT_LINES + 2)
})

test('a hook that has no time neither begins a log nor writes where lines have to be folded', () => {
  const quick = () =>
    appendLine(state, place => printDecision(place, DECISION), { isDurable: false, onlyIfQuick: true })
  assert.throws(quick, /cannot look at .*decisions/)
  assert.deepEqual(readdirSync(state), [])
  for (let count = 1; count < SEGMENT_LINES - 1; count++) append()
  assert.equal(quick().number, SEGMENT_LINES - 1)
  assert.throws(quick, /has to be begun, or its lines folded, first/)
  assert.deepEqual(append(), { number: SEGMENT_LINES, isFoldable: true })
  assert.equal(quick().number, SEGMENT_LINES + 1)
  assertChained()
})

test('a writer that stood still takes no number that was folded meanwhile', () => {
  for (let count = 1; count < SEGMENT_LINES - 3; count++) append()
  let isDone = false
  const late = appendLine(
    state,
    place => {
      // After it was looked where the next line goes, others write and fold.
      if (!isDone) {
        isDone = true
        for (let count = 0; count < 6; count++) append()
        foldSegments(state)
      }
      return printDecision(place, { ...DECISION, asker: 'late' })
    },
    { isDurable: false },
  )
  assert.equal(late.number, SEGMENT_LINES + 3)
  const lines = assertChained()
  assert.equal(lines.length, SEGMENT_LINES + 4)
  assert.equal(lines.filter(line => line.kind === 'decision' && line.asker === 'late').length, 1)
})

for (const isRemoved of [false, true]) {
  const where = isRemoved ? 'of a segment that was removed since' : 'of a segment'
  test(`a writer that stood still does not take the stray of another ${where} for the line before`, () => {
    for (let count = 1; count < SEGMENT_LINES - 3; count++) append()
    let before = 0
    const print = (place: Place) => {
      if (before === 0) {
        before = place.number - 1
        const stray = readFileSync(openFile(before))
        for (let count = 0; count < 3 * SEGMENT_LINES; count++) append()
        foldSegments(state)
        if (isRemoved) assert.equal(limitSize(state, 1), 2 * SEGMENT_LINES)
        // Another one that stood still has linked its line, and not looked yet.
        writeFileSync(openFile(before), stray)
      }
      return printDecision(place, { ...DECISION, asker: 'late' })
    }
    const late = appendLine(state, print, { isDurable: false })
    assert.equal(late.number, 4 * SEGMENT_LINES - 3)
    assert.deepEqual(
      readdirSync(join(state, 'decisions/open')).filter(name => Number(name) < 1024),
      [numberName(before)],
    )
    unlinkSync(openFile(before))
    const { faults, lines } = verifyLog(logPlaces(state), { checkpoints: [], key: undefined })
    assert.deepEqual({ faults, lines }, { faults: [], lines: late.number + 1 })
  })
}

for (const [count, each] of [
  [2, 1200],
  [10, 300],
] as const) {
  test(`${count} writers at once lose no line and break no chain`, { timeout: 120_000 }, async () => {
    const program = await writerProgram(state)
    const writers = Array.from({ length: count }, (_, index) =>
      spawn(process.execPath, [program, state, `writer ${index}`, String(each)], {
        stdio: ['ignore', 'ignore', 'inherit'],
      }),
    )
    for (const [status] of await Promise.all(writers.map(writer => once(writer, 'close'))))
      assert.equal(status, 0)
    const lines = assertChained()
    assert.equal(lines.length, 1 + count * each)
    const told = new Set(lines.map(line => (line.kind === 'decision' ? `${line.asker} ${line.path}` : '')))
    assert.equal(told.size, 1 + count * each)
  })
}

test('writers that begin a log at the same time begin one', { timeout: 120_000 }, async () => {
  const program = await writerProgram(state)
  for (let round = 0; round < 20; round++) {
    rmSync(join(state, 'decisions'), { recursive: true, force: true })
    const writers = ['one', 'two', 'three'].map(name =>
      spawn(process.execPath, [program, state, name, '5'], { stdio: ['ignore', 'ignore', 'inherit'] }),
    )
    for (const [status] of await Promise.all(writers.map(writer => once(writer, 'close'))))
      assert.equal(status, 0)
    assert.equal(assertChained().length, 1 + 3 * 5)
  }
})

test(`killed at ${KILLS} points, what was answered is in the log, and the chain holds`, {
  timeout: 1_200_000,
}, async () => {
  const program = await writerProgram(state)
  const told = new Map<number, string>()
  for (let round = 0; round < KILLS; round++) {
    const pair = ['one', 'other'].map(name => {
      const writer = spawn(process.execPath, [program, state, `${name} ${round}`, '100000'], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      let text = ''
      writer.stdout.on('data', chunk => {
        text += chunk
      })
      return { name: `${name} ${round}`, writer, said: () => text }
    })
    await Promise.all(pair.map(({ writer }) => once(writer.stdout, 'readable')))
    await sleep(Math.random() * 30)
    for (const { writer } of pair) writer.kill('SIGKILL')
    await Promise.all(pair.map(({ writer }) => once(writer, 'close')))
    for (const { name, said } of pair) {
      // What was cut within a line was not answered yet.
      for (const line of said().split('\n').slice(0, -1)) {
        const [number, path] = line.split(' ')
        told.set(Number(number), `${name} /nix/store/${path}`)
      }
    }
  }
  append()
  foldSegments(state)
  const lines = assertChained()
  assert.ok(told.size > KILLS, `${told.size} lines`)
  for (const [number, what] of told) {
    const line = lines[number]
    assert.equal(line?.kind === 'decision' && `${line.asker} ${line.path}`, what, `line ${number}`)
  }
})

test('attack: thousands of lines of others do not hold up a process that wrote long ago', () => {
  append()
  const links: string[] = []
  // It wrote line 1, and others 3,000 since, which nobody folded.
  for (let number = 2; number < 3000; number++)
    writeFileSync(openFile(number), `line ${number}`, { mode: 0o600 })
  const print = (place: Place) => {
    links.push(numberName(place.number))
    return printDecision(place, DECISION)
  }
  assert.equal(appendLine(state, print, { isDurable: false }).number, 3000)
  assert.ok(links.length < 100, `${links.length} numbers were tried`)
  // And what has no time leaves it to who folds.
  const quick = () => appendLine(state, print, { isDurable: false, onlyIfQuick: true })
  assert.throws(quick, /has to be begun, or its lines folded, first/)
})

test('what others could have written, and a link in its place, is refused with the reason', () => {
  append()
  const open = join(state, 'decisions/open')
  unlinkSync(join(open, '000000000001'))
  symlinkSync('/etc/passwd', join(open, '000000000001'))
  assert.throws(append, /open\/000000000001: .*symbolic link|cannot read .*000000000001: ELOOP/)
  unlinkSync(join(open, '000000000001'))
  chmodSync(join(state, 'decisions'), 0o777)
  assert.throws(append, /decisions is writable by others/)
  chmodSync(join(state, 'decisions'), 0o700)
  rmSync(join(state, 'decisions'), { recursive: true })
  mkdirSync(join(state, 'elsewhere'))
  symlinkSync(join(state, 'elsewhere'), join(state, 'decisions'))
  assert.throws(append, /decisions is not a directory but a symbolic link/)
  assert.deepEqual(readdirSync(join(state, 'elsewhere')), [])
})

test('a last line that a loss of power left empty is chained to as it lies', () => {
  append()
  writeFileSync(join(state, 'decisions/open/000000000002'), '')
  assert.equal(append().number, 3)
  const line = parseLine(readFileSync(join(state, 'decisions/open/000000000003'), 'latin1'))
  assert.equal(line.previous, digestOf(Buffer.alloc(0)))
})

test('a private file that a killed writer left is no line', () => {
  append()
  writeFileSync(join(state, 'decisions/~1-ab'), '{"number":')
  assert.equal(append().number, 2)
  assert.ok(existsSync(join(state, 'decisions/~1-ab')))
  assertChained()
})
