import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  linkSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { identityOf, isSameInode, stampOf, tellsOfChanges, versionOf } from '../../src/ledger/stamp.ts'

const isRoot = process.geteuid?.() === 0

let dir: string
let file: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'nixsig-stamp-'))
  file = join(dir, 'file')
  writeFileSync(file, 'a')
})
afterEach(() => rmSync(dir, { recursive: true }))

test('a file that is hard-linked elsewhere, as sandboxes do, keeps its identity', async () => {
  const before = identityOf(file)
  await sleep(20)
  linkSync(file, join(dir, 'link'))
  assert.equal(identityOf(file), before)
})

test('fault: a hard-linked file keeps its identity on a file system without birth times', {
  skip: !isRoot && 'needs root',
}, async () => {
  execFileSync('mount', ['-t', 'ramfs', 'none', dir])
  try {
    writeFileSync(file, 'a')
    assert.equal(statSync(file, { bigint: true }).birthtimeNs, 0n)
    const before = identityOf(file)
    const stamp = stampOf(file)
    await sleep(20)
    linkSync(file, join(dir, 'link'))
    assert.equal(identityOf(file), before)
    assert.notEqual(stampOf(file), stamp)
  } finally {
    execFileSync('umount', [dir])
  }
})

test('attack: a path that was removed and made again has another identity, even with the same inode', async () => {
  for (let round = 0; round < 20; round++) {
    const before = identityOf(file)
    rmSync(file)
    await sleep(10)
    writeFileSync(file, 'a')
    assert.notEqual(identityOf(file), before)
  }
})

test('attack: another file is renamed over it', () => {
  const before = identityOf(file)
  writeFileSync(join(dir, 'other'), 'a')
  renameSync(join(dir, 'other'), file)
  assert.notEqual(identityOf(file), before)
})

test('a change of the contents or the mode gives another version', async () => {
  const first = versionOf(file)
  await sleep(20)
  writeFileSync(file, 'b')
  const second = versionOf(file)
  assert.notEqual(second, first)
  await sleep(20)
  chmodSync(file, 0o600)
  assert.notEqual(versionOf(file), second)
})

test('an absent path has neither identity nor version', () => {
  assert.equal(identityOf(join(dir, 'none')), undefined)
  assert.equal(versionOf(join(dir, 'none')), undefined)
})

test('attack: every change of the contents changes the stamp, even if the old time and size are put back', async () => {
  const before = stampOf(file)
  const { atimeMs, mtimeMs } = statSync(file)
  await sleep(20)
  writeFileSync(file, 'b')
  utimesSync(file, atimeMs / 1000, mtimeMs / 1000)
  const after = stampOf(file)
  assert.notEqual(after, before)
  assert.ok(isSameInode(before ?? '', after ?? ''))
  assert.equal(identityOf(file), before?.split(':').slice(0, 2).join(':'))
})

test('a hard link changes the stamp of a file and not its identity; another file has another identity', async () => {
  const before = stampOf(file) ?? ''
  await sleep(20)
  linkSync(file, join(dir, 'link'))
  const after = stampOf(file) ?? ''
  assert.notEqual(after, before)
  assert.ok(isSameInode(after, before))
  writeFileSync(join(dir, 'other'), 'a')
  assert.ok(!isSameInode(stampOf(join(dir, 'other')) ?? '', before))
})

test('a stamp of the earlier format, identity alone, shows no change', () => {
  assert.ok(tellsOfChanges(stampOf(file) ?? ''))
  assert.ok(!tellsOfChanges(identityOf(file) ?? ''))
})
