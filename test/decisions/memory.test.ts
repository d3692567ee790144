// One user cannot fill the log: what is equal is counted, and each asker has a budget.
import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import type { Decision } from '../../src/decisions/line.ts'
import { DecisionMemory } from '../../src/decisions/memory.ts'
import { logPlaces } from '../../src/decisions/places.ts'

let state: string
beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), 'nixsig-decisions-'))
  mkdirSync(logPlaces(state).directory)
})
afterEach(() => rmSync(state, { recursive: true }))

const SIZE = 8 * 1024 * 1024
const NOW = 1_700_000_000_000
const MINUTE = 60_000

const decision = (change: Partial<Decision> = {}): Decision => ({
  door: 'gate',
  asker: 'user 1000',
  path: '/nix/store/a',
  outcome: 'trusted',
  letIn: true,
  ground: 'rule',
  ...change,
})

test('an equal decision of one minute is counted, and told later', () => {
  const memory = new DecisionMemory(logPlaces(state))
  assert.equal(memory.take([decision()], SIZE, NOW).decisions.length, 1)
  assert.deepEqual(memory.take([decision(), decision()], SIZE, NOW + 1000).decisions, [])
  assert.equal(memory.take([decision({ asker: 'root' })], SIZE, NOW + 1000).decisions.length, 1)
  assert.equal(memory.take([decision({ letIn: false })], SIZE, NOW + 1000).decisions.length, 1)
  const later = memory.take([decision()], SIZE, NOW + MINUTE + 1)
  assert.deepEqual(
    later.decisions.map(({ times }) => times),
    [2, undefined],
  )
})

test('what could not be written is written when it is decided again', () => {
  const memory = new DecisionMemory(logPlaces(state))
  const { decisions } = memory.take([decision()], SIZE, NOW)
  memory.forget(decisions)
  assert.equal(memory.take([decision()], SIZE, NOW).decisions.length, 1)
})

/** What a line about a decision of these tests takes of a budget. */
const LINE = 400

/** Lets somebody ask for so many paths in a day. Returns how many lines that has, told as left out or not. */
function flood(count: number, asker: (index: number) => string, memory: () => DecisionMemory) {
  let [lines, told, tellings] = [0, 0, 0]
  for (let index = 0; index < count; index++) {
    const one = decision({ path: `/nix/store/${index}`, asker: asker(index), message: 'm'.repeat(100) })
    const { decisions, leftOut } = memory().take([one], SIZE, NOW + Math.floor((index * 86_400_000) / count))
    lines += decisions.length
    told += leftOut.reduce((sum, { leftOut: more }) => sum + more, 0)
    tellings += leftOut.length
  }
  return { lines, told, tellings }
}

for (const [name, memoryFor] of [
  ['one process that lives on', () => new DecisionMemory(logPlaces(state))],
  ['a process for each answer', undefined],
] as const) {
  test(`attack: a user asks for thousands of paths, and fills a sixteenth of the log a day: ${name}`, () => {
    const one = memoryFor?.()
    const memory = () => one ?? new DecisionMemory(logPlaces(state))
    const { lines, told, tellings } = flood(20_000, () => 'user 1000', memory)
    assert.ok(lines * LINE < (3 * SIZE) / 16 && lines * LINE > SIZE / 16, `${lines} lines`)
    assert.ok(tellings < 24 * 7, `${tellings} lines about what was left out`)
    assert.ok(told > 0 && told <= 20_000 - lines)
    const others = memory().take([decision({ asker: 'user 1001' }), decision({ asker: 'root' })], SIZE, NOW)
    assert.equal(others.decisions.length, 2)
  })
}

test('attack: a user with 65,536 numbers of subordinate users, or a network of addresses, fills a quarter a day', () => {
  for (const asker of [(index: number) => `user ${100_000 + index}`, (index: number) => `fd00::${index}`]) {
    rmSync(logPlaces(state).askers, { force: true })
    const memory = new DecisionMemory(logPlaces(state))
    const { lines, told, tellings } = flood(40_000, asker, () => memory)
    assert.ok(lines * LINE < (3 * SIZE) / 4, `${lines} lines`)
    assert.ok(told > 0)
    // Each asker of thousands has something to tell every ten minutes: that is bounded as well.
    assert.ok((lines + tellings) * LINE < (3 * SIZE) / 4, `${tellings} lines about what was left out`)
    assert.ok(tellings > 24, `${tellings} lines about what was left out`)
    assert.equal(memory.take([decision({ asker: 'root' })], SIZE, NOW).decisions.length, 1)
  }
})

test('attack: long names take more of a budget than short ones', () => {
  const bytes = (length: number) => {
    rmSync(logPlaces(state).askers, { force: true })
    const memory = new DecisionMemory(logPlaces(state))
    let lines = 0
    for (let index = 0; index < 20_000; index++) {
      const one = decision({ path: `/nix/store/${index}`, message: '"'.repeat(length) })
      lines += memory.take([one], SIZE, NOW).decisions.length
    }
    return lines * (300 + 2 * length)
  }
  for (const length of [1, 100, 512]) {
    const total = bytes(length)
    assert.ok(total > SIZE / 40 && total < SIZE / 12, `${length}: ${total} bytes`)
  }
})

test('a file of budgets that others could have written, is refused with the reason, and nothing is written through a link', () => {
  const { askers } = logPlaces(state)
  const take = () => new DecisionMemory(logPlaces(state)).take([decision()], SIZE, NOW)
  take()
  chmodSync(askers, 0o666)
  assert.throws(take, /askers is writable by others/)
  rmSync(askers)
  symlinkSync('/etc/passwd', askers)
  // It bounds nobody.
  assert.equal(take().decisions.length, 1)
})

test('the clock is set back: nothing is forgotten for good', () => {
  const memory = new DecisionMemory(logPlaces(state))
  memory.take([decision()], SIZE, NOW)
  assert.equal(memory.take([decision()], SIZE, NOW - 86_400_000).decisions.length, 1)
})
