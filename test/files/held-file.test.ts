/** Files that stay open are what was opened, and do not pile up. */
import assert from 'node:assert/strict'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { HELD, HELD_STATES, type HeldFile, holdOwnedFile } from '../../src/files/held-file.ts'
import { FileError } from '../../src/files/regular-file.ts'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'nixsig-held-'))
})
afterEach(() => rmSync(dir, { recursive: true }))

/** The descriptors of this process that lead to the test's directory. */
function descriptors(): readonly string[] {
  return readdirSync('/proc/self/fd').flatMap(fd => {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`)
      return target.startsWith(`${dir}/`) ? [target] : []
    } catch {
      return []
    }
  })
}

function replaced(name: string, contents: string): string {
  const file = join(dir, name)
  writeFileSync(`${file}~`, contents)
  renameSync(`${file}~`, file)
  return file
}

function held(file: string): HeldFile {
  const found = holdOwnedFile(file)
  assert.ok(found)
  return found
}

test('a file that another took the name of is still read as it was', () => {
  const file = replaced('book', 'first')
  const first = held(file)
  replaced('book', 'second, and longer')
  assert.equal(first.read(0, first.size).toString(), 'first')
  assert.doesNotThrow(() => first.assertUnchanged())
  assert.equal(held(file).read(0, 6).toString(), 'second')
  assert.equal(first.read(0, 5).toString(), 'first')
})

test('of a thousand states of a file few stay open, and those that are gone say so', () => {
  const file = replaced('book', 'state 0')
  const first = held(file)
  for (let n = 1; n <= 1000; n++) {
    replaced('book', `state ${n}`)
    held(file)
    assert.ok(descriptors().length <= HELD_STATES)
  }
  assert.throws(() => first.read(0, 1), /was replaced while it was read/)
})

test('the same state is open once, however often it is asked for', () => {
  const file = replaced('book', 'one')
  const all = Array.from({ length: 1000 }, () => held(file))
  assert.equal(descriptors().length, 1)
  assert.ok(all.every(one => one.read(0, 3).toString() === 'one'))
})

test('of many files few stay open, and the others are opened again', () => {
  const all = Array.from({ length: 3 * HELD }, (_, n) => held(replaced(`book-${n}`, `file ${n}`)))
  assert.ok(descriptors().length <= HELD)
  for (const [n, one] of all.entries()) assert.equal(one.read(0, one.size).toString(), `file ${n}`)
  assert.ok(descriptors().length <= HELD)
})

test('a file that is cut or written to while it is held is refused', () => {
  const file = replaced('book', 'a'.repeat(100))
  const cut = held(file)
  truncateSync(file, 50)
  assert.throws(() => cut.read(40, 20), { name: 'FileError', message: /became shorter while it was read/ })
  const written = held(replaced('book', 'a'.repeat(100)))
  writeFileSync(file, 'b'.repeat(101))
  assert.throws(() => written.assertUnchanged(), { name: 'FileError', message: /was written to/ })
  assert.throws(() => written.read(90, 11), RangeError)
})

test('links, directories and files that others can write to are refused, and nothing stays open', () => {
  const file = replaced('book', 'x')
  symlinkSync(file, join(dir, 'link'))
  mkdirSync(join(dir, 'directory'))
  chmodSync(file, 0o666)
  for (const name of ['link', 'directory', 'book'])
    assert.throws(() => holdOwnedFile(join(dir, name)), FileError, name)
  assert.equal(holdOwnedFile(join(dir, 'absent')), undefined)
  assert.deepEqual(descriptors(), [])
})
