// What a mirror has is hashed once, not each time that somebody asks about a path.
import assert from 'node:assert/strict'
import fs, { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { isComplete, mirrorOf, readPart } from '../../../src/evidence/remote/mirror.ts'
import { isFileListed } from '../../../src/evidence/remote/verified.ts'
import { parseIndex } from '../../../src/formats/publication.ts'
import { type Files, listed, publicationOf } from '../../support/publication.ts'

const DIGEST = `0c${'x'.repeat(30)}`
const MIB = 1024 * 1024

/** A mirror with these files, all written a while ago, and how many bytes were read of files since it was asked last. */
function scene(t: TestContext, files: Files) {
  const state = mkdtempSync(join(tmpdir(), 'nixsig-verified-'))
  const mirror = mirrorOf(state, { url: 'https://a.example', maxAge: 60 })
  const published = publicationOf(files, 1000)
  for (const [name, bytes] of published) {
    mkdirSync(dirname(join(mirror.directory, name)), { recursive: true })
    writeFileSync(join(mirror.directory, name), bytes)
  }
  let read = 0
  const { readSync } = fs
  const counting = t.mock.method(fs, 'readSync', (...given: Parameters<typeof readSync>) => {
    const count = readSync(...given)
    read += count
    return count
  })
  syncBuiltinESMExports()
  t.after(() => {
    counting.mock.restore()
    syncBuiltinESMExports()
    rmSync(state, { recursive: true, force: true })
  })
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 60_000 })
  const bytesRead = () => {
    const since = read
    read = 0
    return since
  }
  return { mirror, bytesRead, index: parseIndex(published.get('index') ?? Buffer.alloc(0)) }
}

test('attack: large files about one path are hashed once, and its part read once, however often it is asked about', async t => {
  const contents = Buffer.alloc(3 * MIB, 'x')
  const names = ['.asc', '.2.asc', '.3.asc'].map(extension => DIGEST + extension)
  const { mirror, bytesRead, index } = scene(t, Object.fromEntries(names.map(name => [name, contents])))
  assert.equal(await isComplete(mirror, index, DIGEST), true)
  assert.ok(bytesRead() > 9 * MIB)
  for (let times = 0; times < 20; times++) assert.equal(await isComplete(mirror, index, DIGEST), true)
  assert.equal(bytesRead(), 0)
})

test('a file of a mirror that is changed is hashed again, whatever time it is given', async t => {
  const name = `${DIGEST}.asc`
  const { mirror, index } = scene(t, { [name]: 'as it is listed' })
  const file = join(mirror.directory, '0c', name)
  const { mtime, atime } = fs.statSync(file)
  assert.equal(await isComplete(mirror, index, DIGEST), true)
  writeFileSync(file, 'as it is LISTED')
  utimesSync(file, atime, mtime)
  assert.equal(await isComplete(mirror, index, DIGEST), false)
})

test('a file that was changed just now is not remembered: it could be changed again within the same tick', async t => {
  const { mirror, bytesRead } = scene(t, { [`${DIGEST}.asc`]: 'contents' })
  t.mock.timers.reset()
  const file = join(mirror.directory, '0c', `${DIGEST}.asc`)
  for (let times = 0; times < 3; times++)
    assert.equal(await isFileListed(file, listed(Buffer.from('contents'))), true)
  assert.equal(bytesRead(), 3 * 8)
})

test("attack: a part's list is parsed once for all paths of the part", t => {
  const { mirror, bytesRead, index } = scene(t, { [`${DIGEST}.asc`]: 'contents' })
  const part = index.parts.get('0c') ?? assert.fail()
  const first = readPart(mirror, '0c', part)
  assert.ok(first !== undefined && bytesRead() > 0)
  assert.equal(readPart(mirror, '0c', part), first)
  assert.equal(bytesRead(), 0)
})

test('attack: more about one path than anybody reads is told, and nothing of it is hashed', async t => {
  const { mirror, bytesRead, index } = scene(t, {})
  const names = Array.from('23456', set => `${DIGEST}.${set}.asc`)
  const lines = ['.asc', ...Array.from('23456', set => `.${set}.asc`)].map(
    extension => `${DIGEST}${extension} ${6 * MIB} ${'ab'.repeat(32)}\n`,
  )
  const list = Buffer.from(`nixsig-publication-part-1 0c\n${lines.sort().join('')}`)
  mkdirSync(join(mirror.directory, '0c'))
  writeFileSync(join(mirror.directory, '0c', 'index'), list)
  for (const name of names) writeFileSync(join(mirror.directory, '0c', name), Buffer.alloc(6 * MIB))
  const parts = new Map([['0c', listed(list)]])
  await assert.rejects(
    isComplete(mirror, { ...index, parts }, DIGEST),
    /lists more than 33554432 bytes about one path/,
  )
  assert.equal(bytesRead(), list.length)
})
