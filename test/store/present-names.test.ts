// What a store's directory has, where the times of the file system advance in steps.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, mock, test } from 'node:test'
import fc from 'fast-check'
import { namesInStore } from '../../src/store/present-names.ts'

const HOME = mkdtempSync(join(tmpdir(), 'nixsig-names-'))
after(() => rmSync(HOME, { recursive: true }))

let roots = 0
function store(): { readonly root: string; readonly directory: string } {
  const root = join(HOME, String(roots++))
  const directory = join(root, 'nix/store')
  mkdirSync(directory, { recursive: true })
  return { root, directory }
}

const digest = (character: string) => character.repeat(32)
const entry = (character: string) => `${digest(character)}-x`

/** Sets the time of a directory's last change to the start of a step, in seconds. */
function step(directory: string, seconds: number): void {
  const time = Math.floor(Date.now() / 1000 / seconds) * seconds
  utimesSync(directory, time, time)
}

test('property: a fresh listing has what is there, whatever the time of the last change says', () => {
  const moves = fc.array(fc.tuple(fc.constantFrom(...'abcdf'), fc.boolean(), fc.boolean()))
  fc.assert(
    fc.property(moves, fc.constantFrom(1, 2, 3600), (some, seconds) => {
      const { root, directory } = store()
      const present = new Set<string>()
      for (const [character, isAdded, isListed] of some) {
        if (isAdded) writeFileSync(join(directory, entry(character)), '')
        else rmSync(join(directory, entry(character)), { force: true })
        if (isAdded) present.add(digest(character))
        else present.delete(digest(character))
        step(directory, seconds)
        if (isListed) namesInStore(root, 'recent')
        assert.deepEqual(new Set(namesInStore(root, 'fresh').keys()), present)
      }
    }),
    { numRuns: 50 },
  )
})

/** What a listing has after it was made three seconds ago, and a path came in at the same time of change. */
function listedLater(ageSeconds: number): boolean {
  const { root, directory } = store()
  const time = Date.now() / 1000 - ageSeconds
  utimesSync(directory, time, time)
  namesInStore(root, 'recent')
  writeFileSync(join(directory, entry('a')), '')
  utimesSync(directory, time, time)
  const later = performance.now() + 3000
  mock.method(performance, 'now', () => later)
  try {
    return namesInStore(root, 'recent').has(digest('a'))
  } finally {
    mock.restoreAll()
  }
}

test('a recent listing is made anew after two seconds if the directory had just changed when it was made', () => {
  for (const age of [0, 1, 4, -100]) assert.equal(listedLater(age), true, `${age} s`)
})

test('a recent listing is kept while a directory that had rested for five seconds has the same time', () => {
  for (const age of [6, 3600]) assert.equal(listedLater(age), false, `${age} s`)
})
