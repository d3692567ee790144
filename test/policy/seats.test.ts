// Counting people, by example: test/policy/judge.properties.test.ts holds the same against trying
// every way.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Policy } from '../../src/policy/policy.ts'
import { fillSeats, isFilled, peopleOf } from '../../src/policy/seats.ts'

/** Groups as `name: [threshold, ...members]`. */
function groupsOf(all: Readonly<Record<string, readonly [number, ...string[]]>>): Policy['groups'] {
  return new Map(
    Object.entries(all).map(([name, [threshold, ...members]]) => [
      name,
      { name, line: 1, threshold, members },
    ]),
  )
}

const GROUPS = groupsOf({
  pair: [2, 'alice', 'bob'],
  either: [1, 'alice', 'bob'],
  other: [1, 'bob', 'carol'],
  both: [2, 'either', 'other'],
  mixed: [2, 'either', 'alice'],
  deep: [1, 'both'],
  all: [3, 'either', 'other', 'alice'],
})

const CASES: readonly {
  readonly title: string
  readonly who: string
  readonly present: readonly string[]
  readonly filled: readonly string[]
  readonly passes: boolean
}[] = [
  { title: 'a person is one seat', who: 'alice', present: ['alice', 'bob'], filled: ['alice'], passes: true },
  { title: 'nobody else fills it', who: 'alice', present: ['bob'], filled: [], passes: false },
  { title: 'two of two', who: 'pair', present: ['bob', 'alice'], filled: ['alice', 'bob'], passes: true },
  { title: 'one of two', who: 'pair', present: ['bob', 'carol'], filled: ['bob'], passes: false },
  {
    title: 'a person who could fill two seats fills one',
    ...{ who: 'both', present: ['bob'], filled: ['bob'], passes: false },
  },
  {
    title: 'whoever took a seat makes way for somebody who can fill no other',
    ...{ who: 'mixed', present: ['alice', 'bob'], filled: ['bob', 'alice'], passes: true },
  },
  {
    title: 'a chain of people who make way',
    ...{ who: 'all', present: ['alice', 'bob', 'carol'], filled: ['bob', 'carol', 'alice'], passes: true },
  },
  {
    title: 'a group without enough people of its own lends nobody',
    ...{ who: 'deep', present: ['bob'], filled: [], passes: false },
  },
  {
    title: 'a group that has enough lends one of them',
    ...{ who: 'deep', present: ['alice', 'carol'], filled: ['alice'], passes: true },
  },
  { title: 'nobody is there', who: 'all', present: [], filled: [], passes: false },
]

for (const { title, who, present, filled, passes } of CASES) {
  test(`${title}: ${who} with ${present.join(', ') || 'nobody'}`, () => {
    const seats = fillSeats(GROUPS, who, new Set(present))
    assert.deepEqual(seats.filled, filled)
    assert.equal(isFilled(seats), passes)
    assert.equal(seats.threshold, GROUPS.get(who)?.threshold ?? 1)
    assert.equal(seats.of, GROUPS.get(who)?.members.length ?? 1)
  })
}

test('everybody who could fill a seat is found through groups in groups, each once', () => {
  assert.deepEqual([...peopleOf(GROUPS, 'all')].sort(), ['alice', 'bob', 'carol'])
  assert.deepEqual([...peopleOf(GROUPS, 'deep')].sort(), ['alice', 'bob', 'carol'])
  assert.deepEqual([...peopleOf(GROUPS, 'pair')].sort(), ['alice', 'bob'])
  assert.deepEqual([...peopleOf(GROUPS, 'dave')], ['dave'])
})

test('groups that share groups many times over are counted in no time', () => {
  const levels = Array.from({ length: 60 }, (_, level) => {
    const below = level === 0 ? (['alice', 'bob'] as const) : ([`a${level - 1}`, `b${level - 1}`] as const)
    return { [`a${level}`]: [1, ...below] as const, [`b${level}`]: [1, ...below] as const }
  })
  const groups = groupsOf(Object.assign({ top: [2, 'a59', 'b59'] }, ...levels))
  assert.deepEqual(fillSeats(groups, 'top', new Set(['alice', 'bob'])).filled.length, 2)
  assert.equal(isFilled(fillSeats(groups, 'top', new Set(['alice']))), false)
})
