import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import {
  assertOwnedDirectory,
  isSafeToMakeIn,
  readOwnedFile,
  readProtectedFile,
} from '../../src/files/owned-file.ts'

let dir: string
let file: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'nixsig-owned-'))
  mkdirSync(join(dir, 'etc'))
  file = join(dir, 'etc/policy.toml')
  writeFileSync(file, 'version = 1\n', { mode: 0o644 })
})
afterEach(() => rmSync(dir, { recursive: true }))

const isRoot = process.getuid?.() === 0

test('reads a file that only its owner can write to, below directories that only theirs can write to', () => {
  assert.equal(readProtectedFile(file, 1000).toString(), 'version = 1\n')
})

test('attack: a directory that everybody may write to', () => {
  chmodSync(join(dir, 'etc'), 0o777)
  assert.throws(() => readProtectedFile(file, 1000), /etc is writable by everybody \(chmod o-w/)
})

test('attack: the directory of the file is sticky and writable by everybody', () => {
  chmodSync(join(dir, 'etc'), 0o1777)
  assert.throws(() => readProtectedFile(file, 1000), /etc is writable by everybody/)
})

test('attack: a parent directory that its group may write to', () => {
  chmodSync(dir, 0o770)
  assert.throws(() => readProtectedFile(file, 1000), /is writable by its group \(chmod g-w/)
})

test('a directory that its group may write to passes if it is sticky, as the Nix store is', () => {
  chmodSync(join(dir, 'etc'), 0o1775)
  assert.equal(readProtectedFile(file, 1000).length, 12)
})

test('attack: a symbolic link from a good directory into one that everybody may write to', () => {
  const loose = join(dir, 'loose')
  mkdirSync(loose)
  chmodSync(loose, 0o777)
  writeFileSync(join(loose, 'policy.toml'), 'x', { mode: 0o644 })
  rmSync(file)
  symlinkSync(join(loose, 'policy.toml'), file)
  assert.throws(() => readProtectedFile(file, 1000), /loose is writable by everybody/)
})

test('a symbolic link into a good directory is followed, as NixOS lays out /etc', () => {
  const target = join(dir, 'store')
  mkdirSync(target)
  writeFileSync(join(target, 'p.toml'), 'abc', { mode: 0o444 })
  rmSync(file)
  symlinkSync(join(target, 'p.toml'), file)
  assert.equal(readProtectedFile(file, 1000).toString(), 'abc')
})

test('attack: a file that its group or everybody may write', () => {
  for (const mode of [0o664, 0o646]) {
    chmodSync(file, mode)
    assert.throws(() => readProtectedFile(file, 1000), /policy\.toml is writable by others/)
  }
})

test('attack: a file or directory of another user', { skip: isRoot ? false : 'needs root' }, () => {
  chownSync(file, 12_345, 0)
  assert.throws(() => readOwnedFile(file, 1000), /belongs to user 12345/)
  chownSync(join(dir, 'etc'), 12_345, 0)
  assert.throws(() => assertOwnedDirectory(join(dir, 'etc')), /belongs to user 12345/)
})

test('attack: a named pipe in place of a file does not block the reader', () => {
  rmSync(file)
  execFileSync('mkfifo', [file])
  assert.throws(() => readOwnedFile(file, 1000), /is not a regular file/)
})

test('a file larger than the limit, and one that is missing', () => {
  assert.throws(() => readOwnedFile(file, 11), /is larger than 11 bytes/)
  assert.equal(readOwnedFile(join(dir, 'none'), 11), undefined)
  assert.throws(() => readProtectedFile(join(dir, 'none'), 11), /cannot read .*none/)
})

test('attack: a place for private directories, such as TMPDIR, in which others could replace them', () => {
  const inner = join(dir, 'etc')
  assert.equal(isSafeToMakeIn(inner), true)
  chmodSync(inner, 0o1777)
  assert.equal(isSafeToMakeIn(inner), true, 'sticky, as /tmp is')
  symlinkSync(inner, join(dir, 'link'))
  assert.equal(isSafeToMakeIn(join(dir, 'link')), true)
  chmodSync(inner, 0o777)
  assert.equal(isSafeToMakeIn(inner), false)
  assert.equal(isSafeToMakeIn(join(dir, 'link')), false)
  chmodSync(inner, 0o755)
  chmodSync(dir, 0o777)
  assert.equal(isSafeToMakeIn(inner), false, 'the directory above it')
  chmodSync(dir, 0o755)
  assert.equal(isSafeToMakeIn(join(dir, 'absent')), false)
  if (!isRoot) return
  chownSync(inner, 1234, 0)
  assert.equal(isSafeToMakeIn(inner), false, "another user's")
})
