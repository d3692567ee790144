// docs/threat-model.md: nobody can fill the disk with outputs that are refused.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import fc from 'fast-check'
import {
  entryDirectory,
  finishEntry,
  isFinished,
  listEntries,
  writeEntry,
} from '../../src/quarantine/entries.ts'
import type { QuarantineEntry } from '../../src/quarantine/entry.ts'
import { makeRoom, mayBeKept } from '../../src/quarantine/room.ts'

const DIGEST = '0123456789abcdfghijklmnpqrsvwxyz'
const ENTRY: QuarantineEntry = {
  path: `/nix/store/${DIGEST}-tool`,
  narHash: 'ab'.repeat(32),
  narSize: 120,
  references: [],
  derivation: `/nix/store/${DIGEST}-tool.drv`,
  builtHere: true,
  registered: 1_790_000_000,
  refused: 1_790_000_000,
  outcome: 'untrusted',
  reason: 'nobody vouches for it',
}

let state: string
beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), 'nixsig-room-'))
})
afterEach(() => rmSync(state, { recursive: true, force: true }))

/** Writes an entry that was refused that many seconds after the first. Returns its id. */
function enter(second: number, change: Partial<QuarantineEntry> = {}, isWhole = true): string {
  const id = writeEntry(state, { ...ENTRY, refused: ENTRY.refused + second, ...change })
  if (isWhole) {
    mkdirSync(join(entryDirectory(state, id), 'content'))
    writeFileSync(join(entryDirectory(state, id), 'content/file'), 'x')
    finishEntry(state, id)
  }
  return id
}

test('attack: however many outputs are refused, 1024 are kept, and these are the last', () => {
  const ids = Array.from({ length: 1100 }, (_, second) => enter(second))
  makeRoom(state)
  assert.deepEqual(listEntries(state), ids.slice(-1024))
  assert.equal(readdirSync(join(state, 'quarantine')).length, 1024 + 1)
  makeRoom(state)
  assert.equal(listEntries(state).length, 1024)
})

test('attack: however large refused outputs are, 8 GiB are kept, and these are the last', () => {
  const gib = 1024 ** 3
  const ids = Array.from({ length: 12 }, (_, second) => enter(second, { narSize: gib }))
  makeRoom(state)
  // The entries themselves take a little.
  assert.deepEqual(listEntries(state), ids.slice(-7))
  assert.equal(mayBeKept({ ...ENTRY, narSize: 8 * gib }), false)
  assert.equal(mayBeKept({ ...ENTRY, references: Array(2001).fill(ENTRY.path) }), false)
  assert.equal(mayBeKept({ ...ENTRY, narSize: 7 * gib }), true)
})

test('an entry that is still being moved stays, and an entry that cannot be read counts', () => {
  const moving = enter(0, {}, false)
  const broken = enter(1)
  writeFileSync(join(entryDirectory(state, broken), 'entry.json'), '{')
  const last = enter(2)
  makeRoom(state, { entries: 2, bytes: 1e6 })
  assert.deepEqual(listEntries(state), [moving, broken, last])
  makeRoom(state, { entries: 1, bytes: 1e6 })
  assert.deepEqual(listEntries(state), [moving, last])
  assert.equal(isFinished(state, moving), false)
})

test('an entry counts with its size wherever that stands in its file', () => {
  const ids = [0, 1].map(second => enter(second))
  for (const [second, id] of ids.entries()) {
    const { narSize: _, ...rest } = { ...ENTRY, refused: ENTRY.refused + second }
    const references = Array(20).fill(ENTRY.path)
    const text = JSON.stringify({ ...rest, references, narSize: 50_000 })
    writeFileSync(join(entryDirectory(state, id), 'entry.json'), text)
  }
  makeRoom(state, { entries: 8, bytes: 80_000 })
  assert.deepEqual(listEntries(state), ids.slice(1))
})

test('what is kept is within the limits, whatever the sizes, and nothing is deleted that fits', () => {
  const sizes = fc.array(fc.integer({ min: 0, max: 5000 }), { maxLength: 12 })
  fc.assert(
    fc.property(
      sizes,
      fc.integer({ min: 1, max: 8 }),
      fc.integer({ min: 1, max: 20_000 }),
      (all, entries, bytes) => {
        const ids = all.map((narSize, second) => enter(second, { narSize }))
        const sizeOfEntry = `${JSON.stringify(ENTRY, null, 2)}\n`.length + 10
        makeRoom(state, { entries, bytes })
        const left = listEntries(state)
        const kept = all.filter((_, index) => left.includes(ids[index] ?? ''))
        const total = kept.reduce((sum, size) => sum + size, 0)
        assert.ok(left.length <= entries && total <= bytes)
        const sum = all.reduce((whole, size) => whole + size + sizeOfEntry, 0)
        if (all.length <= entries && sum <= bytes) assert.equal(left.length, all.length)
        rmSync(join(state, 'quarantine'), { recursive: true, force: true })
      },
    ),
    { numRuns: 60 },
  )
})
