import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseList } from '../../../src/formats/lists/document.ts'
import { openBook } from '../../../src/lists/book/read.ts'
import { writeBook } from '../../../src/lists/book/write.ts'
import { matchesGlob } from '../../../src/policy/match.ts'

const KEY = `ssh-ed25519 ${Buffer.concat([Buffer.from('0000000b', 'hex'), Buffer.from('ssh-ed25519'), Buffer.from('00000020', 'hex'), Buffer.from('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a', 'hex')]).toString('base64')}`

function written(globs: readonly string[]) {
  const directory = mkdtempSync(join(tmpdir(), 'book-'))
  const developers = Object.fromEntries(
    globs.map((glob, n) => [`e${n}`, { names: [glob], by: ['a'], threshold: 1 }]),
  )
  const list = {
    format: 'nixsig-list-1',
    name: 'x',
    says: 'vouched',
    principals: { a: { keys: [KEY] } },
    developers,
  }
  const document = parseList(Buffer.from(JSON.stringify(list)), 'list')
  const certificate = () => assert.fail('no certificates')
  const digest = writeBook(directory, {
    name: 'debian',
    parts: [{ document, certificate }],
    version: 3,
    ends: 20,
    seen: 10,
  })
  return { file: join(directory, 'book'), digest }
}

test('a book says what was written, with prefixed names', () => {
  const { file, digest } = written(['libmd-*'])
  const book = openBook(file, 'debian')
  assert.deepEqual([book.digest, book.version, book.ends, book.seen], [digest, 3, 20, 10])
  assert.equal(book.principal('debian/a')?.keys[0]?.kind, 'ed25519')
  assert.equal(book.principal('debian/b'), undefined)
  assert.deepEqual(book.developersOf({ name: 'libmd-1', urls: [] })[0]?.by, ['debian/a'])
})

test('globs match as a scan of all of them does', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?', '-'), minLength: 1, maxLength: 6 })
  const name = fc.string({ unit: fc.constantFrom('a', 'b', '-'), maxLength: 7 })
  fc.assert(
    fc.property(fc.array(text, { maxLength: 12 }), fc.array(name), (globs, names) => {
      const book = openBook(written(globs).file, 'debian')
      for (const each of names) {
        const found = book.developersOf({ name: each, urls: [] }).map(entry => entry.names[0])
        assert.deepEqual([...found].sort(), globs.filter(glob => matchesGlob(glob, each)).sort())
      }
    }),
    { numRuns: 60 },
  )
})

test('a book that is cut, foreign, of another version or writable by others says so and what next', () => {
  const { file } = written(['libmd-*'])
  const bytes = readFileSync(file)
  for (let size = 0; size < bytes.length; size++) {
    writeFileSync(file, bytes.subarray(0, size))
    assert.throws(() => openBook(file, 'debian'), /nixsig trust update debian/)
  }
  writeFileSync(file, bytes)
  assert.throws(() => openBook(file, 'other'), /is the book of another list, "debian"/)
  writeFileSync(file, bytes.toString('latin1').replace('book-1', 'book-2'), 'latin1')
  assert.throws(() => openBook(file, 'debian'), /another version of nixsig/)
  writeFileSync(file, bytes)
  chmodSync(file, 0o660)
  assert.throws(() => openBook(file, 'debian'), /writable by others/)
})
