/** Globs match what they say, and no glob takes long because of what stands in it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { matchesGlob } from '../../src/policy/match.ts'

/** What a glob says, character by character: all suffixes of the name that it can match so far. */
function matchesAsSaid(glob: string, name: string): boolean {
  let ends = new Set([0])
  for (const character of glob) {
    const next = new Set<number>()
    for (const end of ends) {
      if (character === '*') for (let to = end; to <= name.length; to++) next.add(to)
      else if (end < name.length && (character === '?' || character === name[end])) next.add(end + 1)
    }
    ends = next
  }
  return ends.has(name.length)
}

test('a glob matches what it says', () => {
  const unit = fc.constantFrom('a', 'b', '*', '?')
  const glob = fc.string({ unit, maxLength: 12 })
  const name = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 14 })
  fc.assert(
    fc.property(glob, name, (one, text) => matchesGlob(one, text) === matchesAsSaid(one, text)),
    { numRuns: 20_000 },
  )
})

test('a part with ? that is longer than a word of the machine is found where it comes first', () => {
  const part = fc.string({ unit: fc.constantFrom('a', 'a', 'a', '?'), minLength: 28, maxLength: 100 })
  const name = fc.string({
    unit: fc.constantFrom('a', 'a', 'a', 'a', 'a', 'b'),
    minLength: 28,
    maxLength: 300,
  })
  fc.assert(
    fc.property(part, name, (one, text) => {
      for (const glob of [`*${one}*`, `*${one}b*`, `*b${one}*${one}*`])
        assert.equal(matchesGlob(glob, text), matchesAsSaid(glob, text), glob)
    }),
    { numRuns: 500 },
  )
})

test('no glob within the limits of lists takes long, whatever stands in it', () => {
  const part = fc.array(
    fc.tuple(
      fc.constantFrom('a', 'aa', 'a?', '?', 'ab', 'b', '*', 'a*', '*?'),
      fc.integer({ min: 1, max: 300 }),
    ),
    { minLength: 1, maxLength: 6 },
  )
  const text = 'a'.repeat(4096)
  fc.assert(
    fc.property(part, parts => {
      const glob = `*${parts.map(([word, times]) => word.repeat(times)).join('')}`.slice(0, 1023)
      const start = process.cpuUsage()
      matchesGlob(`${glob}c`, `${text}c`)
      matchesGlob(`${glob}c*`, text)
      // Of the processor, in microseconds. Going back would take some 4 million steps for each part.
      const { user } = process.cpuUsage(start)
      assert.ok(user < 500_000, glob)
    }),
    { numRuns: 300 },
  )
})
