/** Whatever happens while a book is written, one of both books is there, with all that it needs. */
import assert from 'node:assert/strict'
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { openBook } from '../../../src/lists/book/read.ts'
import { Killed, withCalls } from '../../support/file-faults.ts'
import { answersOf, writeSmall } from '../../support/lists/small-lists.ts'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'nixsig-writing-'))
})
afterEach(() => rmSync(dir, { recursive: true }))

const BEFORE = ['carol', 'dora']
const AFTER = ['dora', 'erin']

const writeAfter = (directory: string) => writeSmall(directory, AFTER, '2026-02-01T00:00:00Z')

/** A directory with the book from before, and what both books answer there. */
function prepared(name: string) {
  const template = join(dir, 'template')
  if (!existsSync(template)) {
    writeSmall(join(template, 'old'), BEFORE)
    cpSync(join(template, 'old'), join(template, 'new'), { recursive: true })
    writeAfter(join(template, 'new'))
  }
  const directory = join(dir, name)
  cpSync(join(template, 'old'), directory, { recursive: true })
  const answers = (which: string): unknown => {
    const there = join(template, which)
    return JSON.parse(JSON.stringify(answersOf(there)).replaceAll(there, directory))
  }
  return { directory, old: answers('old'), next: answers('new') }
}

function certificatesIn(directory: string): number {
  return readdirSync(join(directory, 'certificates')).length
}

test('killed before any of its steps, an update leaves the old book whole or the new one, and the next one mends the rest', () => {
  const first = prepared('first')
  const count = withCalls(() => writeAfter(first.directory)).length
  assert.deepEqual(answersOf(first.directory), first.next)
  const seen = new Set<string>()
  for (let at = 0; at < count; at++) {
    const { directory, old, next } = prepared(`${at}`)
    const kill = (_: unknown, number: number) => {
      if (number === at) throw new Killed()
    }
    assert.throws(() => withCalls(() => writeAfter(directory), kill), Killed)
    const found = answersOf(directory)
    const isOld = JSON.stringify(found) === JSON.stringify(old)
    assert.deepEqual(found, isOld ? old : next)
    seen.add(isOld ? 'old' : 'new')
    writeAfter(directory)
    assert.deepEqual(answersOf(directory), next)
    const left = readdirSync(directory, { recursive: true }).filter(entry => `${entry}`.endsWith('~'))
    assert.deepEqual(left, [], `after a kill at step ${at}`)
  }
  assert.deepEqual([...seen].sort(), ['new', 'old'])
})

for (const [code, every, words] of [
  ['ENOSPC', 1, 'the file system is full'],
  ['EDQUOT', 5, 'the quota is used up'],
  ['EIO', 3, 'the disk gave an error'],
] as const) {
  test(`if the disk says ${code} at a step, that is said, and the old book stays until the new one is there`, () => {
    const first = prepared('first').directory
    const { length: count } = withCalls(() => writeAfter(first))
    for (let at = 0; at < count; at += every) {
      const { directory, old, next } = prepared(`${at}`)
      let isRenamed = false
      const fail = (call: { readonly name: string; readonly to?: string }, number: number) => {
        if (number === at)
          throw Object.assign(new Error(`${code}: as the system says, write`), { code, syscall: 'write' })
        if (call.to === join(directory, 'book')) isRenamed = true
      }
      assert.throws(() => withCalls(() => writeAfter(directory), fail), {
        name: 'FileError',
        message: `cannot write the book of debian in ${directory}: ${words}; the one before stays in force: mend that, then "nixsig trust update debian"`,
      })
      assert.deepEqual(answersOf(directory), isRenamed ? next : old)
    }
  })
}

test('everything is on the disk before the book has its name, and nothing is removed before that is', () => {
  const { directory } = prepared('first')
  const calls = withCalls(() => writeAfter(directory))
  const flushed = new Set<string>()
  let isNamed = false
  let removed = 0
  for (const { name, file, to } of calls) {
    if (name === 'fsyncSync') flushed.add(file)
    if (name === 'writeSync') flushed.delete(file)
    if (name === 'renameSync') {
      assert.ok(flushed.has(file), `${file} was not flushed`)
      if (to === join(directory, 'book')) {
        assert.ok(flushed.has(join(directory, 'certificates')), 'names of certificates were not flushed')
        assert.ok(flushed.has(directory) && flushed.has(dir), 'new directories were not flushed')
        isNamed = true
        flushed.delete(directory)
      } else {
        assert.ok(!isNamed, 'a certificate came after the book')
        flushed.delete(join(directory, 'certificates'))
      }
    }
    if (name === 'unlinkSync') {
      removed++
      assert.ok(isNamed && flushed.has(directory), 'something was removed before the book had its name')
    }
  }
  assert.ok(isNamed)
  assert.equal(removed, 0, 'what the book before has stays')
})

test('certificates stay for one update, for whoever still reads the book before', () => {
  const { directory } = prepared('first')
  const reader = openBook(join(directory, 'book'), 'debian')
  writeAfter(directory)
  assert.equal(reader.principal('debian/carol')?.keys.length, 1)
  assert.equal(certificatesIn(directory), 3)
  writeAfter(directory)
  assert.equal(certificatesIn(directory), 2)
  assert.throws(() => reader.principal('debian/carol'), /is not there.*nixsig trust update debian/)
  const file = reader.principal('debian/dora')?.keys[0]
  assert.ok(file?.kind === 'openpgp' && existsSync(file.certificate))
  assert.match(basename(file.certificate), /^[0-9a-f]{64}\.pgp$/)
})

test('every user can read a book and its certificates, whatever the umask of the update was', () => {
  const before = process.umask(0o077)
  try {
    writeSmall(join(dir, 'book'), BEFORE)
  } finally {
    process.umask(before)
  }
  const modeOf = (...names: string[]) => statSync(join(dir, 'book', ...names)).mode & 0o7777
  assert.equal(modeOf('book'), 0o644)
  assert.equal(modeOf('certificates'), 0o755)
  const certificates = readdirSync(join(dir, 'book', 'certificates'))
  assert.ok(certificates.length > 0)
  for (const name of certificates) assert.equal(modeOf('certificates', name), 0o644)
})
