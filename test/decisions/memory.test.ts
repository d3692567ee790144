// One user cannot fill the log: what is equal is counted, and each asker has a budget.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Decision } from '../../src/decisions/line.ts'
import { DecisionMemory } from '../../src/decisions/memory.ts'

const SIZE = 64 * 1024 * 1024
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
  const memory = new DecisionMemory()
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
  const memory = new DecisionMemory()
  const { decisions } = memory.take([decision()], SIZE, NOW)
  memory.forget(decisions)
  assert.equal(memory.take([decision()], SIZE, NOW).decisions.length, 1)
})

test('attack: a user asks for a million paths, and fills a sixteenth of the log a day', () => {
  const memory = new DecisionMemory()
  let lines = 0
  let told = 0
  let named = 0
  for (let hour = 0; hour < 24; hour++) {
    for (let count = 0; count < 10_000; count++) {
      const one = decision({ path: `/nix/store/${hour}-${count}` })
      const { decisions, leftOut } = memory.take([one], SIZE, NOW + hour * 60 * MINUTE + count * 10)
      lines += decisions.length
      told += leftOut.reduce((sum, { leftOut: more }) => sum + more, 0)
      named += leftOut.length
    }
  }
  assert.ok(lines * 600 < (2 * SIZE) / 16, `${lines} lines`)
  assert.ok(lines * 600 > SIZE / 16, `${lines} lines`)
  assert.ok(named < 24 * 7, `${named} lines about what was left out`)
  assert.ok(told > 0)
  const others = memory.take([decision({ asker: 'user 1001' }), decision({ asker: 'root' })], SIZE, NOW)
  assert.equal(others.decisions.length, 2)
})

test('the clock is set back: nothing is forgotten for good', () => {
  const memory = new DecisionMemory()
  memory.take([decision()], SIZE, NOW)
  assert.equal(memory.take([decision()], SIZE, NOW - 86_400_000).decisions.length, 1)
})
