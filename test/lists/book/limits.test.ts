/** What no list may have, since whoever judges would be slow: said when its book is written. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import fc from 'fast-check'
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
