// Property: whatever a newer state of a list says, no source gets somebody who could not sign for it
// before without being told.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { otherDevelopers } from '../../../src/lists/subscribe/other-developers.ts'
import type { Entry } from '../../../src/lists/subscribe/people.ts'
import { matchesGlob } from '../../../src/policy/match.ts'

const GLOBS = ['*', 'a*', 'ab*', 'ab-?', '*-1', 'b', 'b*', '?b*'] as const
const SOURCES = ['a', 'ab', 'ab-1', 'ab-2', 'b', 'b-1', 'bb', 'c-1']
const URLS = ['https://a.org/*', 'https://b.org/*'] as const
const KEYS = ['k1', 'k2', 'k3', 'k4']

const entry = fc.record({
  names: fc.uniqueArray(fc.constantFrom(...GLOBS), { minLength: 1, maxLength: 2 }),
  urls: fc.uniqueArray(fc.constantFrom(...URLS), { maxLength: 2 }),
  keys: fc.uniqueArray(fc.constantFrom(...KEYS), { minLength: 1, maxLength: 3 }),
  needed: fc.integer({ min: 1, max: 2 }),
})

const state = fc
  .uniqueArray(fc.tuple(fc.constantFrom('x', 'y', 'z'), entry), { maxLength: 3, selector: ([name]) => name })
  .map(
    entries =>
      new Map(
        entries.map(([name, { keys, ...one }]): [string, Entry] => [
          name,
          { ...one, name, by: [name], threshold: 1, keys: new Set(keys) },
        ]),
      ),
  )

/** Who can sign for a source, alone: every entry that matches counts. */
function signers(entries: ReadonlyMap<string, Entry>, source: string, url: string): ReadonlySet<string> {
  const found = [...entries.values()].filter(
    ({ names, urls, needed }) =>
      needed === 1 &&
      names.some(glob => matchesGlob(glob, source)) &&
      (urls.length === 0 || urls.some(glob => matchesGlob(glob, url))),
  )
  return new Set(found.flatMap(({ keys }) => [...keys]))
}

function isAbout({ names, urls }: Entry, source: string, url: string): boolean {
  return (
    names.some(glob => matchesGlob(glob, source)) &&
    (urls.length === 0 || urls.some(glob => matchesGlob(glob, url)))
  )
}

test('a source that had developers never gets another one unsaid', () => {
  fc.assert(
    fc.property(state, state, (before, after) => {
      const { others, isWhole } = otherDevelopers(before, after)
      assert.ok(isWhole)
      for (const source of SOURCES)
        for (const url of ['https://a.org/x', 'https://b.org/x']) {
          const had = [...before.values()].some(each => isAbout(each, source, url))
          const old = signers(before, source, url)
          const gained = [...signers(after, source, url)].filter(key => !old.has(key))
          if (!had || gained.length === 0) continue
          const told = others.some(
            ({ before: one, after: other }) =>
              isAbout(one, source, url) && gained.some(key => other.keys.has(key)),
          )
          assert.ok(told, `${source} from ${url} gains ${gained}`)
        }
    }),
    { numRuns: 3000 },
  )
})

test('what stays as it is is not told', () => {
  fc.assert(
    fc.property(state, same => {
      assert.deepEqual(otherDevelopers(same, same), { others: [], isWhole: true })
    }),
  )
})

test('20,000 entries that all change are compared within seconds, or said not to be', () => {
  const many = (key: string) =>
    new Map(
      Array.from({ length: 20_000 }, (_, index): [string, Entry] => [
        `d${index}`,
        {
          name: `d${index}`,
          names: [`${'*a'.repeat(20)}${index}`],
          urls: [],
          by: ['x'],
          threshold: 1,
          needed: 1,
          keys: new Set([key]),
        },
      ]),
    )
  const begun = performance.now()
  const { isWhole } = otherDevelopers(many('one'), many('two'))
  assert.equal(isWhole, false)
  assert.ok(performance.now() - begun < 20_000)
})
