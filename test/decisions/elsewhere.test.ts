// Signed states that are kept elsewhere outlive the log: what root of this machine does to the log
// replaces none of them unseen, and is told.
import assert from 'node:assert/strict'
import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { generateKey } from '../../src/crypto/secret-key.ts'
import { keepCheckpoint } from '../../src/decisions/checkpoint.ts'
import { statesElsewhere } from '../../src/decisions/elsewhere.ts'
import { lookAtLog } from '../../src/decisions/health.ts'
import { keepInOrder } from '../../src/decisions/keep-order.ts'
import { SEGMENT_LINES } from '../../src/decisions/line.ts'
import { logPlaces, numberName } from '../../src/decisions/places.ts'
import type { DecisionLog } from '../../src/decisions/record.ts'
import { logName } from '../../src/decisions/removed.ts'
import { verifyLog } from '../../src/decisions/verify.ts'
import { DEFAULT_DECISIONS } from '../../src/policy/language/decisions.ts'
import { appendDecisions, makeState } from '../support/decisions/lines.ts'

const KEY = generateKey('host-1')

let state: string
let elsewhere: string
beforeEach(() => {
  state = makeState()
  elsewhere = join(state, 'elsewhere')
  mkdirSync(elsewhere)
})
afterEach(() => rmSync(state, { recursive: true }))

const DECISION = { door: 'gate', outcome: 'trusted', letIn: true, ground: 'a rule' } as const
const append = (count: number, asker = 'root') => appendDecisions(state, count, { ...DECISION, asker })

const log: Omit<DecisionLog, 'state'> = {
  settings: { ...DEFAULT_DECISIONS, checkpointsTo: '' },
  key: () => KEY,
  machine: () => undefined,
}
const keep = () =>
  keepInOrder({ ...log, state, settings: { ...log.settings, checkpointsTo: elsewhere } }, 'at once')

/** What verifying tells with what is kept elsewhere. */
function told(): readonly unknown[] {
  const name = logName(logPlaces(state)) ?? ''
  const states = statesElsewhere(elsewhere, { log: name, publicKey: KEY.publicKey })
  const against = { checkpoints: [], elsewhere: states, key: KEY.publicKey }
  return verifyLog(logPlaces(state), against).faults.map(({ kind }) => kind)
}

/** Puts the log back as `change` finds it, which first lets it go on as it should. */
function putBack(change: () => void): void {
  const { directory } = logPlaces(state)
  cpSync(directory, join(state, 'older'), { recursive: true })
  change()
  rmSync(directory, { recursive: true })
  renameSync(join(state, 'older'), directory)
}

test('states are kept elsewhere as the log grows, and all of them agree with it', () => {
  for (const count of [SEGMENT_LINES, SEGMENT_LINES, 3 * SEGMENT_LINES]) {
    append(count)
    assert.equal(keep(), undefined)
  }
  assert.equal(readdirSync(elsewhere).length, 3)
  assert.deepEqual(told(), [])
})

test('attack: an older copy of the log is put back with its checkpoints: what is kept elsewhere tells it', () => {
  append(SEGMENT_LINES)
  assert.equal(keep(), undefined)
  putBack(() => {
    append(2 * SEGMENT_LINES)
    assert.equal(keep(), undefined)
  })
  assert.deepEqual(told(), ['cut'])
  const health = lookAtLog(state, { log: 'kept', checkpointsTo: elsewhere, key: KEY.publicKey })
  const [problem] = health?.problems ?? []
  assert.equal(problem?.code, 'broken')
  assert.match(
    problem?.detail ?? '',
    /is a state of 3073 lines, and the log has 1025: it was cut, or an older copy/,
  )
  append(SEGMENT_LINES, 'mallory')
  const why = keep()
  assert.match(
    why ?? '',
    /-000000003073 is a state of 3073 lines, and the log has 2049: it was cut, or an older/,
  )
  // As long as that is so it is told again, and no more states are made.
  assert.equal(keep(), why)
  assert.equal(readdirSync(logPlaces(state).checkpoints).length, 2)
  append(2 * SEGMENT_LINES, 'mallory')
  keep()
  assert.deepEqual(told(), ['rewritten'])
})

test('attack: an older copy grows to the same size again: the first state of that size stays elsewhere', () => {
  append(10)
  putBack(() => {
    append(SEGMENT_LINES)
    assert.equal(keep(), undefined)
  })
  const [name = ''] = readdirSync(elsewhere)
  const before = readFileSync(join(elsewhere, name))
  append(SEGMENT_LINES, 'mallory')
  assert.match(keep() ?? '', /is a state of other lines: the log was written anew, or an older copy/)
  assert.deepEqual(readFileSync(join(elsewhere, name)), before)
  assert.deepEqual(told(), ['rewritten'])
})

test('attack: what others put there under the names of states to come is no evidence, and stays no obstacle', () => {
  append(SEGMENT_LINES)
  const name = logName(logPlaces(state)) ?? ''
  const { bytes } = keepCheckpoint(state, generateKey('other-1'))
  rmSync(logPlaces(state).checkpoints, { recursive: true })
  for (const number of [SEGMENT_LINES + 1, 4096, 999_999_999_999])
    writeFileSync(join(elsewhere, `${name}-${numberName(number)}`), bytes)
  mkdirSync(join(elsewhere, `${name}-${numberName(8192)}`))
  writeFileSync(join(elsewhere, `${name}-${numberName(9000)}`), 'no state')
  assert.equal(keep(), undefined)
  assert.deepEqual(told(), [])
  const known = statesElsewhere(elsewhere, { log: name, publicKey: KEY.publicKey })
  assert.deepEqual(
    known.map(({ checkpoint }) => checkpoint.size),
    [SEGMENT_LINES + 1],
  )
})

test('attack: files and copies under names of later states hide none of those that are there', () => {
  append(SEGMENT_LINES)
  assert.equal(keep(), undefined)
  const name = logName(logPlaces(state)) ?? ''
  const [first = ''] = readdirSync(elsewhere)
  putBack(() => {
    append(2 * SEGMENT_LINES)
    assert.equal(keep(), undefined)
  })
  const put = (from: number, count: number) => {
    for (let number = from; number < from + count; number++)
      cpSync(join(elsewhere, first), join(elsewhere, `${name}-${numberName(number)}`))
  }
  put(999_999_999_000, 600)
  assert.deepEqual(told(), ['cut'])
  const look = () => lookAtLog(state, { log: 'kept', checkpointsTo: elsewhere, key: KEY.publicKey })
  assert.match(look()?.problems[0]?.detail ?? '', /is a state of 3073 lines, and the log has 1025/)
  // So many that nobody would read them all: that is told.
  put(999_999_990_000, 600)
  assert.match(look()?.problems[0]?.detail ?? '', /more than 1024 files under names of states of this log/)
  assert.throws(told, /they may hide one; remove them/)
})

test('attack: what cannot be read under the name of a state to come is not replaced', () => {
  append(SEGMENT_LINES)
  const name = logName(logPlaces(state)) ?? ''
  const file = join(elsewhere, `${name}-${numberName(SEGMENT_LINES + 1)}`)
  symlinkSync('evidence', file)
  assert.match(keep() ?? '', /cannot read .*ELOOP|symbolic link/)
  assert.equal(readlinkSync(file), 'evidence')
})

test('attack: the key of the machine is taken away: no state is called signed', () => {
  append(10)
  const { bytes } = keepCheckpoint(state, KEY)
  assert.ok(bytes.length > 0)
  const { faults, checkpoints } = verifyLog(logPlaces(state), { checkpoints: [], key: undefined })
  assert.deepEqual(checkpoints, [])
  assert.match(faults[0]?.detail ?? '', /cannot be verified: the key of this machine is not known/)
})
