// A derivation's entry is flushed if it, or the entry that it replaces, has a claim to lose.
import assert from 'node:assert/strict'
import fs, { mkdtempSync, rmSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { after, beforeEach, test } from 'node:test'
import { parseStorePath } from '../../src/formats/nix/store-path.ts'
import { type Admission, isCurrent, readAdmission, writeAdmission } from '../../src/ledger/admissions.ts'
import type { Output, StoredDerivation } from '../../src/verifier/derivation-parts.ts'
import type { Inquiry } from '../../src/verifier/inquiry.ts'
import { recordAltered, recordDerivation, recordMade } from '../../src/verifier/record.ts'

const state = mkdtempSync('/tmp/nixsig-record-')
let flushes = 0
const { fsyncSync } = fs
fs.fsyncSync = file => {
  flushes++
  fsyncSync(file)
}
syncBuiltinESMExports()
after(() => {
  fs.fsyncSync = fsyncSync
  syncBuiltinESMExports()
  rmSync(state, { recursive: true, force: true })
})
beforeEach(() => {
  rmSync(`${state}/ledger`, { recursive: true, force: true })
  flushes = 0
})

const path = parseStorePath('/nix/store/1c0r6k3yj5y0qg4zq3fqzsl5zwb6l8rr-hello-2.12.drv')
const stored = { path } satisfies Partial<StoredDerivation> as StoredDerivation
const inquiry = { places: { state }, now: 1 } as Inquiry

const BARE: Admission = {
  path: path.path,
  narHash: 'ab'.repeat(32),
  policy: 'cd'.repeat(32),
  until: undefined,
  stamp: undefined,
  kind: 'derivation',
  builtHere: false,
  derivation: path.path,
  time: 1,
  rule: 'default',
  claims: [],
  build: undefined,
}
const SIGNED: Admission = {
  ...BARE,
  claims: [
    { key: 'ed25519:00', role: 'packager', graph: undefined, seen: 1, trace: 'nix', origin: 'somewhere' },
  ],
}
const FILE_AND_DIRECTORY = 2

const CASES = [
  { what: 'its first one without a claim is not', next: BARE, before: undefined, flushed: 0 },
  { what: 'one with a claim is', next: SIGNED, before: undefined, flushed: FILE_AND_DIRECTORY },
  {
    what: 'one that takes the place of a claim is',
    next: BARE,
    before: SIGNED,
    flushed: FILE_AND_DIRECTORY,
  },
  {
    what: 'one that says more beside a claim is',
    next: { ...SIGNED, until: 9 },
    before: SIGNED,
    flushed: FILE_AND_DIRECTORY,
  },
  {
    what: 'one that says more without a claim is not',
    next: { ...BARE, until: 9 },
    before: BARE,
    flushed: 0,
  },
] as const

for (const { what, next, before, flushed } of CASES) {
  test(`the entry of a derivation: ${what} flushed`, () => {
    if (before !== undefined) writeAdmission(state, path.digest, before)
    flushes = 0
    recordDerivation(inquiry, stored, next, before)
    assert.deepEqual(readAdmission(state, path.digest, path.path), next)
    assert.equal(flushes, flushed)
  })
}

test('an entry that says the same is not written again', () => {
  writeAdmission(state, path.digest, SIGNED)
  const file = `${state}/ledger/${path.digest.slice(0, 2)}/${path.digest}`
  const { ino } = fs.lstatSync(file)
  const before = readAdmission(state, path.digest, path.path)
  recordDerivation(inquiry, stored, SIGNED, before)
  assert.equal(fs.lstatSync(file).ino, ino)
})

test('every other entry is flushed, with its directory', () => {
  writeAdmission(state, path.digest, BARE)
  assert.equal(flushes, FILE_AND_DIRECTORY)
})

const made = {
  path: parseStorePath('/nix/store/2c0r6k3yj5y0qg4zq3fqzsl5zwb6l8rr-hello-2.12'),
  kind: 'output',
  name: 'out',
  derivation: stored,
} satisfies Partial<Output> as Output
const OUTPUT: Admission = { ...SIGNED, path: made.path.path, kind: 'output', stamp: '1:2:3:4:5' }
const entryOf = () => readAdmission(state, made.path.digest, made.path.path)

test('H12: what was made with a warning is remembered by an entry that no policy takes for an admission', () => {
  recordMade(inquiry, made, { narHash: OUTPUT.narHash, stamp: '1:2:3:4:5' })
  const entry = entryOf() ?? assert.fail()
  assert.deepEqual([entry.builtHere, entry.derivation, entry.stamp], [true, path.path, '1:2:3:4:5'])
  assert.equal(isCurrent(entry, OUTPUT.policy, 1), false)
  assert.equal(isCurrent(entry, entry.policy, 1), false)
})

test('H12: it keeps the claims about the same contents, replaces no entry that says as much, and is about outputs', () => {
  writeAdmission(state, made.path.digest, OUTPUT)
  recordMade(inquiry, made, { narHash: OUTPUT.narHash, stamp: '1:2:3:4:5' })
  assert.equal(entryOf()?.claims.length, 1)
  writeAdmission(state, made.path.digest, { ...OUTPUT, builtHere: true })
  recordMade(inquiry, made, { narHash: OUTPUT.narHash, stamp: '1:2:3:4:5' })
  assert.equal(entryOf()?.policy, OUTPUT.policy)
  recordMade(inquiry, made, { narHash: 'cd'.repeat(32), stamp: '1:2:3:4:5' })
  assert.deepEqual([entryOf()?.narHash, entryOf()?.claims.length], ['cd'.repeat(32), 0])
  recordMade(inquiry, { ...made, kind: 'fetched-source' }, { narHash: 'ef'.repeat(32), stamp: '1:2:3:4:5' })
  assert.equal(entryOf()?.narHash, 'cd'.repeat(32))
})

test('H13: an entry of a path that was changed admits nothing and has the stamp of no file', () => {
  writeAdmission(state, made.path.digest, { ...OUTPUT, builtHere: true })
  recordAltered(inquiry, made.path, { narHash: OUTPUT.narHash, kind: 'output' })
  const entry = entryOf() ?? assert.fail()
  assert.equal(entry.stamp, '0:0:0:0:0')
  assert.equal(isCurrent(entry, OUTPUT.policy, 1), false)
  assert.deepEqual([entry.builtHere, entry.claims.length], [true, 1])
})
