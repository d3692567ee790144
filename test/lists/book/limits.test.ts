/** What no list may have, since whoever judges would be slow: said when its book is written. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import fc from 'fast-check'
import type { ListDocument, ListedDevelopers } from '../../../src/formats/lists/listed.ts'
import { openBook } from '../../../src/lists/book/read.ts'
import { matchesGlob } from '../../../src/policy/match.ts'
import {
  bookFor,
  type EntryOf,
  FROM_THE_END,
  listOf,
  ORDINARY,
  projectName,
} from '../../support/lists/large-lists.ts'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'nixsig-book-'))
})
afterEach(() => rmSync(dir, { recursive: true }))

const named =
  (...names: string[]): EntryOf =>
  n => ({ names: names.map(name => name.replace('N', `${n}`)), urls: [] })

function ask(file: string, name: string): readonly string[] {
  return openBook(file, 'debian')
    .developersOf({ name, urls: [`https://${name.split('-').slice(0, 2).join('-')}.example.org/releases/x`] })
    .map(entry => entry.name)
}

test('20,000 entries are as many as a list may have, by their beginnings or all of them by their ends', () => {
  const name = projectName(7777)
  assert.deepEqual(ask(bookFor(dir, listOf(20_000, ORDINARY)), `${name}-1.0.tar.xz`), ['debian/e7777'])
  assert.deepEqual(ask(bookFor(dir, listOf(20_000, FROM_THE_END, 1)), `x-${name}.tar.gz`), ['debian/e7777'])
})

for (const [what, entryOf, problem] of [
  [
    'all match everything',
    named('*'),
    /the glob "\*" is one of too many that could match one source, as they do not say how it begins: write out more of it \(developers\.debian\/e\d+\)$/,
  ],
  [
    'have only wildcards in front and behind',
    named('*projectN*'),
    /the glob "\*project\d+\*" is one of too many/,
  ],
  ['begin with wildcards and end alike', named('*.tar.gz'), /the glob "\*\.tar\.gz" is one of too many/],
  [
    'begin alike',
    named('a*N*z', 'b*N*'),
    /say no more than "a" of how it begins: write out more of it \(developers\.debian\/e\d+\)$/,
  ],
  [
    'begin alike, each with a little more',
    n => ({ names: [`${'a'.repeat(n % 200)}*`], urls: [] }),
    /write out more of it \(developers/,
  ],
  [
    'end alike, each with a little more',
    n => ({ names: [`*b${'a'.repeat(n % 200)}`, `*${'a'.repeat(n % 200)}`], urls: [] }),
    /how it ends: write out more of it \(developers/,
  ],
] as const satisfies readonly (readonly [string, EntryOf, RegExp])[]) {
  test(`no book is made of a list whose entries ${what}`, () => {
    assert.throws(() => bookFor(dir, listOf(20_000, entryOf, 1)), { name: 'FormatError', message: problem })
  })
}

test('no book is made of a list with one entry whose globs take too long to match', () => {
  const globs = Array.from({ length: 32 }, (_, n) => `*${'a?'.repeat(100)}${n}*`)
  assert.throws(
    () =>
      bookFor(
        dir,
        listOf(1, () => ({ names: globs, urls: [] })),
      ),
    {
      name: 'FormatError',
      message: 'list: has too much text in its globs, that with "?" in it above all (developers.debian/e0)',
    },
  )
})

test('attack: many short globs with "?" for addresses, which are searched for in each address', () => {
  const urls = Array.from({ length: 16 }, (_, n) => `*a?${n}*`)
  const entryOf: EntryOf = () => ({ names: ['a*'], urls })
  assert.throws(() => bookFor(dir, listOf(21, entryOf, 1)), {
    name: 'FormatError',
    message: /the glob "a\*" is one of too many that could match one source/,
  })
})

/** Groups of this many people with so many keys each, and one entry for each group. */
function ofGroups(groups: number, people: number, keys: number, names: (n: number) => string): ListDocument {
  const document = listOf(groups, n => ({ names: [names(n)], urls: [] }), groups * people * keys)
  const all = [...document.principals.values()].flatMap(one => one.keys)
  const numbers = Array.from({ length: groups * people }, (_, n) => n)
  const members = (group: number) => numbers.slice(group * people, (group + 1) * people).map(n => `p${n}`)
  return {
    ...document,
    principals: new Map(numbers.map(n => [`p${n}`, { keys: all.slice(n * keys, (n + 1) * keys) }])),
    groups: new Map(
      Array.from({ length: groups }, (_, n) => [`g${n}`, { members: members(n), threshold: 1 }]),
    ),
    developers: new Map([...document.developers].map(([name, one], n) => [name, { ...one, by: [`g${n}`] }])),
  }
}

test('attack: an entry that names so many people and keys that no judge could look at them', () => {
  const few = ofGroups(1, 900, 2, () => 'a*')
  assert.equal(ask(bookFor(dir, few), 'a-1').length, 1)
  assert.throws(
    () =>
      bookFor(
        dir,
        ofGroups(1, 1000, 3, () => 'a*'),
      ),
    {
      name: 'FormatError',
      message:
        'list: names more people and keys, or larger certificates, than can count for one source (3000): name fewer (developers.debian/e0)',
    },
  )
})

test('attack: entries for one source that together name too many people and keys', () => {
  const together = (n: number) => `${'a'.repeat(n + 1)}*`
  assert.throws(() => bookFor(dir, ofGroups(4, 800, 1, together)), {
    name: 'FormatError',
    message:
      /^list: is one of several that could match one source and together name more people and keys, or larger certificates, than can count for it \(3000\): name fewer, or write out more of the globs \(developers\.debian\/e\d\)$/,
  })
  // The same people in several entries are looked up once.
  const again = ofGroups(1, 1000, 1, () => 'a*')
  const entries = Array.from(
    { length: 8 },
    (_, n) => [`e${n}`, { ...one(again), names: [together(n)] }] as const,
  )
  assert.equal(ask(bookFor(dir, { ...again, developers: new Map(entries) }), 'aaa').length, 3)
  // And other sources have others.
  bookFor(
    dir,
    ofGroups(4, 800, 1, n => `${n}*`),
  )
})

function one({ developers }: ListDocument): ListedDevelopers {
  const [found] = developers.values()
  assert.ok(found)
  return found
}

test('whatever list has a book, a look-up reads few of its entries, and finds all that match', () => {
  const glob = fc.string({ unit: fc.constantFrom('a', 'a', 'b', '*', '?', '-'), minLength: 1, maxLength: 8 })
  const entries = fc.array(fc.array(glob, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 90 })
  const name = fc.string({ unit: fc.constantFrom('a', 'a', 'b', '-'), maxLength: 9 })
  let made = 0
  fc.assert(
    fc.property(entries, fc.array(name, { maxLength: 12 }), (globs, names) => {
      let file: string
      try {
        file = bookFor(
          dir,
          listOf(globs.length, n => ({ names: globs[n] ?? [], urls: [] }), 1),
        )
      } catch (error) {
        assert.match(String(error), /write out more of it \(developers\.debian\/e\d+\)/)
        return
      }
      made++
      for (const each of names) {
        const found = [...ask(file, each)].sort()
        const matching = globs.flatMap((some, n) =>
          some.some(one => matchesGlob(one, each)) ? [`debian/e${n}`] : [],
        )
        assert.deepEqual(found, matching.sort())
        assert.ok(found.length <= 128)
      }
    }),
    { numRuns: 150 },
  )
  assert.ok(made > 20, `${made}`)
})
