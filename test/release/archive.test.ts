import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { ArgumentError } from '../../src/files/regular-file.ts'
import { parseKey } from '../../src/policy/language/keys.ts'
import { type Signers, unpackArchive } from '../../src/release/archive.ts'

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'nixsig-archive-'))
})
afterEach(() => rmSync(root, { recursive: true }))

const GZIP = Buffer.from([0x1f, 0x8b])

function at(name: string, contents?: string | Buffer): string {
  const file = join(root, name)
  if (contents !== undefined) writeFileSync(file, contents)
  return file
}

async function refused(archive: string, why: RegExp, signers: Signers = 'unsigned'): Promise<void> {
  await assert.rejects(unpackArchive(archive, signers, join(root, 'into')), why)
}

test('attack: a FIFO in place of an archive is not waited for', { timeout: 10_000 }, async () => {
  const fifo = at('nixsig-0.2.0-linux-x64.tar.gz')
  assert.equal(spawnSync('mkfifo', [fifo]).status, 0)
  await refused(fifo, /is not a regular file/)
})

test('attack: a file beyond the limit is not copied', async () => {
  const huge = at('huge.tar.gz', GZIP)
  truncateSync(huge, 300 * 1024 * 1024)
  await refused(huge, /huge\.tar\.gz is larger than 268435456 bytes; next: get the archive/)
  assert.equal(existsSync(join(root, 'into/archive.tar.gz')), false)
})

test('what is no archive says what it is, and what to do', async () => {
  await refused(
    at('nixsig_0.2.0_amd64.deb', '!<arch>\ndebian-binary'),
    /is a Debian package; next: as root, apt-get install \//,
  )
  rmSync(join(root, 'into'), { recursive: true })
  await refused(
    at('page.tar.gz', '<html>'),
    /page\.tar\.gz is no archive of nixsig .*; next: get the archive/,
  )
  rmSync(join(root, 'into'), { recursive: true })
  await refused(at('empty.tar.gz', ''), /is no archive of nixsig/)
  rmSync(join(root, 'into'), { recursive: true })
  await assert.rejects(unpackArchive(at('none'), 'unsigned', join(root, 'into')), ArgumentError)
})

test('what tar says of a broken archive is one line, without escapes', async () => {
  await refused(
    at('broken.tar.gz', Buffer.concat([GZIP, Buffer.alloc(100, 1)])),
    /cannot be unpacked: [^\\]+; [^\\]+; next: get/,
  )
})

test('a renamed archive is told by the name that the list has for it', async () => {
  mkdirSync(join(root, 'nixsig-0.2.0'))
  writeFileSync(join(root, 'nixsig-0.2.0/file'), 'x')
  const archive = at('renamed.tar.gz')
  assert.equal(spawnSync('tar', ['-czf', archive, '-C', root, 'nixsig-0.2.0']).status, 0)
  assert.ok(statSync(archive).size > 0)
  const digest = createHash('sha256').update(readFileSync(archive)).digest('hex')
  const list = at('SHA256SUMS', `${digest}  nixsig-0.2.0-linux-x64.tar.gz\n`)
  const key = at('key')
  assert.equal(spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', key]).status, 0)
  assert.equal(spawnSync('ssh-keygen', ['-q', '-Y', 'sign', '-f', key, '-n', 'file', list]).status, 0)
  const why =
    /is not what its makers signed: .*; next: SHA256SUMS calls this file nixsig-0\.2\.0-linux-x64\.tar\.gz: give it that name/
  await refused(archive, why, { keys: [parseKey(readFileSync(`${key}.pub`, 'utf8').trim())] })
})
