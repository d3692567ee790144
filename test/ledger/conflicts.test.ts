import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'
import { FileError } from '../../src/files/regular-file.ts'
import { readConflict, recordConflict } from '../../src/ledger/conflicts.ts'

const state = mkdtempSync('/tmp/nixsig-conflicts-')
after(() => rmSync(state, { recursive: true, force: true }))

const DIGEST = '0c8i3rzzv5hyl4c61vmg1hq9nyr4b4zg'
const PATH = `/nix/store/${DIGEST}-hello`
const side = (who: string, digit: string) => ({ who, path: PATH, narHash: digit.repeat(64), narSize: 8 })

test('a conflict is read back as it was written, and keeps the time when it was first seen', () => {
  const conflict = {
    path: PATH,
    time: 1_790_000_000,
    sides: [side('https://a.example', 'a'), side('file:///srv', 'b')],
  }
  recordConflict(state, DIGEST, conflict)
  recordConflict(state, DIGEST, { ...conflict, time: conflict.time + 1 })
  assert.deepEqual(readConflict(state, DIGEST), conflict)
  const other = {
    ...conflict,
    time: conflict.time + 2,
    sides: [side('https://a.example', 'a'), side('file:///srv', 'c')],
  }
  recordConflict(state, DIGEST, other)
  assert.deepEqual(readConflict(state, DIGEST), other)
})

test('a path without a disagreement has no record', () => {
  assert.equal(readConflict(state, '1c8i3rzzv5hyl4c61vmg1hq9nyr4b4zg'), undefined)
})

test('attack: a record that was tampered with is refused', () => {
  const digest = '2c8i3rzzv5hyl4c61vmg1hq9nyr4b4zg'
  const file = join(state, 'conflicts', digest.slice(0, 2), digest)
  mkdirSync(dirname(file), { recursive: true })
  for (const text of ['', 'nixsig1 x\n', `nixsig1 ${PATH}\ntime 1\nside sha256:ab 8 ${PATH} a\n`]) {
    writeFileSync(file, text)
    assert.throws(() => readConflict(state, digest), FileError)
  }
})

test('attack: a name with a line break adds no line', () => {
  const digest = '3c8i3rzzv5hyl4c61vmg1hq9nyr4b4zg'
  const sides = [side('https://a.example', 'a'), side('x\nside sha256:', 'b')]
  recordConflict(state, digest, { path: PATH, time: 1, sides })
  assert.deepEqual(
    readConflict(state, digest)?.sides.map(({ who }) => who),
    ['https://a.example', 'x\\u{a}side sha256:'],
  )
})
