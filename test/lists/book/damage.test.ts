/** A damaged book says so: it never answers anything else than the book that was written. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { crc32 } from 'node:zlib'
import { checkBook } from '../../../src/lists/book/check.ts'
import { openBook } from '../../../src/lists/book/read.ts'
import { bookFor, listOf, ORDINARY, projectName } from '../../support/lists/large-lists.ts'
import { answersOf, writeSmall } from '../../support/lists/small-lists.ts'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'nixsig-damage-'))
})
afterEach(() => rmSync(dir, { recursive: true }))

const NEXT = /: (?:fetch the list again with|ask again, or) "nixsig trust update debian"$/

test('a book with any byte changed answers as before or says that it is damaged, and a check finds it', () => {
  writeSmall(dir, ['carol'])
  const file = join(dir, 'book')
  const answers = answersOf(dir)
  const whole = readFileSync(file)
  checkBook(file, 'debian')
  let refused = 0
  for (let at = 0; at < whole.length; at++) {
    const bytes = Buffer.from(whole)
    bytes[at] = (bytes[at] ?? 0) ^ (1 << (at % 8))
    writeFileSync(file, bytes)
    try {
      assert.deepEqual(answersOf(dir), answers)
    } catch (error) {
      assert.equal((error as Error).name, 'FileError', String(error))
      assert.match((error as Error).message, NEXT)
      refused++
    }
    if (at % 3 === 0)
      assert.throws(() => checkBook(file, 'debian'), { name: 'FileError', message: NEXT }, `byte ${at}`)
  }
  assert.ok(refused > whole.length / 2)
})

test('a book whose damage has the right checksums is found by its digest', () => {
  const digest = writeSmall(dir, ['carol'])
  const file = join(dir, 'book')
  const [line = ''] = readFileSync(file, 'latin1').split('\n')
  const header = line.slice(0, -8).replace(/ [0-9a-f]{64} /, ` ${'0'.repeat(64)} `)
  const sum = crc32(header).toString(16).padStart(8, '0')
  const tables = readFileSync(file).subarray(line.length + 1)
  writeFileSync(file, Buffer.concat([Buffer.from(`${header}${sum}\n`), tables]))
  assert.equal(openBook(file, 'debian').digest, '0'.repeat(64))
  assert.throws(
    () => checkBook(file, 'debian'),
    /has other contents than its first line says.*trust update debian/,
  )
  assert.notEqual(digest, '0'.repeat(64))
})

test('a check finds a certificate that is gone or has other contents', () => {
  writeSmall(dir, ['carol'])
  const file = join(dir, 'book')
  const key = openBook(file, 'debian').principal('debian/carol')?.keys[0]
  assert.ok(key?.kind === 'openpgp')
  writeFileSync(key.certificate, 'other')
  assert.throws(() => checkBook(file, 'debian'), /has other contents than the book says.*trust update debian/)
  assert.throws(
    () => openBook(file, 'debian').principal('debian/carol'),
    /has other contents than the book says/,
  )
  rmSync(key.certificate)
  assert.throws(() => checkBook(file, 'debian'), /is not there.*trust update debian/)
})

test('a book that is replaced while it is read is read as it was opened', () => {
  const file = bookFor(dir, listOf(100, ORDINARY))
  const before = openBook(file, 'debian')
  const other = join(dir, 'other')
  renameSync(bookFor(other, listOf(50, ORDINARY)), file)
  const source = {
    name: `${projectName(99)}-1.tar.gz`,
    urls: [`https://${projectName(99)}.example.org/releases/1`],
  }
  assert.deepEqual(
    before.developersOf(source).map(({ name }) => name),
    ['debian/e99'],
  )
  assert.equal(before.principal('debian/p99')?.keys.length, 1)
  assert.deepEqual(openBook(file, 'debian').developersOf(source), [])
})

test('a book that is cut or written to while it is read refuses', () => {
  const file = bookFor(dir, listOf(100, ORDINARY))
  const cut = openBook(file, 'debian')
  truncateSync(file, 300)
  for (const ask of [
    () => cut.principal('debian/p7'),
    () => cut.group('debian/x'),
    () => cut.developersOf({ name: 'a', urls: [] }),
  ])
    assert.throws(ask, { name: 'FileError', message: NEXT })
  bookFor(dir, listOf(100, ORDINARY))
  const written = openBook(file, 'debian')
  const bytes = readFileSync(file)
  writeFileSync(file, Buffer.concat([bytes, bytes]))
  assert.throws(
    () => written.principal('debian/p7'),
    /was written to while it was read: ask again, or "nixsig trust update debian"$/,
  )
})
