import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { FileError } from '../../src/files/regular-file.ts'
import { decodeNar } from '../../src/formats/nix/nar.ts'
import { dumpTree, narHashOfTree } from '../../src/store/disk-tree-nar.ts'
import { privateNix } from '../support/private-nix.ts'

const nix = privateNix()
after(nix.remove)
const dir = mkdtempSync(join(tmpdir(), 'nixsig-tree-'))
after(() => rmSync(dir, { recursive: true, force: true }))

async function chunksOf(path: string): Promise<readonly Uint8Array[]> {
  const chunks: Uint8Array[] = []
  for await (const chunk of dumpTree(path)) chunks.push(chunk)
  return chunks
}

async function dump(path: string): Promise<Buffer> {
  return Buffer.concat(await chunksOf(path))
}

async function drain(chunks: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const chunk of chunks) assert.ok(chunk)
}

/** Asserts that a tree's NAR, its hash and its size are those that Nix computes. */
async function agreesWithNix(path: string): Promise<void> {
  const expected = nix.run('nix-store', '--dump', path)
  assert.ok((await dump(path)).equals(expected), path)
  assert.deepEqual(await narHashOfTree(path), {
    narHash: nix.say('nix-hash', '--type', 'sha256', path),
    narSize: expected.length,
  })
}

async function refuses(path: string, reason: RegExp): Promise<void> {
  await assert.rejects(narHashOfTree(path), (error: unknown) => {
    assert.ok(error instanceof FileError, `${error}`)
    assert.match(error.message, reason)
    return true
  })
}

test('agrees with Nix about a tree of everything', async () => {
  const tree = join(dir, 'tree')
  for (const sub of ['empty', 'a', 'a/b', 'a.d', 'A']) mkdirSync(join(tree, sub), { recursive: true })
  for (const name of ['a/b/c', 'a.b', 'a-b', 'a0', 'B', 'b', 'ä', '.hidden', '\u{1f600}', '\ue000', 'A/x']) {
    writeFileSync(join(tree, name), name)
  }
  writeFileSync(join(tree, 'nothing'), '')
  writeFileSync(join(tree, 'script'), '#!/bin/sh\n')
  chmodSync(join(tree, 'script'), 0o755)
  symlinkSync('nowhere/at all', join(tree, 'dangling'))
  symlinkSync('a', join(tree, 'to-directory'))
  await agreesWithNix(tree)
})

test('agrees with Nix about names and targets that are not UTF-8', async () => {
  const tree = join(dir, 'bytes')
  mkdirSync(tree)
  for (const name of [[0xff], [0x80], [0xc3], [0xc3, 0xa4], [0x7f], [0x0a], [0x61, 0xfe, 0x62]]) {
    writeFileSync(Buffer.concat([Buffer.from(`${tree}/`), Buffer.from(name)]), Buffer.from(name))
  }
  symlinkSync(Buffer.from([0xff, 0xfe]), join(tree, 'link'))
  mkdirSync(Buffer.concat([Buffer.from(`${tree}/`), Buffer.from([0xe9])]))
  writeFileSync(Buffer.concat([Buffer.from(`${tree}/`), Buffer.from([0xe9, 0x2f, 0xe8])]), 'inside')
  await agreesWithNix(tree)
})

test('agrees with Nix about a single file, a link and an empty directory', async () => {
  const file = join(dir, 'file')
  writeFileSync(file, 'contents')
  await agreesWithNix(file)
  // Only the owner's right to execute counts.
  for (const mode of [0o644, 0o655, 0o744, 0o444, 0o555]) {
    chmodSync(file, mode)
    await agreesWithNix(file)
  }
  symlinkSync('file', join(dir, 'link'))
  assert.deepEqual(decodeNar(await dump(join(dir, 'link'))), { kind: 'symlink', target: 'file' })
  mkdirSync(join(dir, 'void'))
  await agreesWithNix(join(dir, 'void'))
})

test('agrees with Nix about files around the size of a chunk', async () => {
  const file = join(dir, 'sized')
  for (const size of [256 * 1024 - 1, 256 * 1024, 256 * 1024 + 1, 5 * 1024 * 1024 + 3]) {
    writeFileSync(file, Buffer.alloc(size, 'abcdefg'))
    await agreesWithNix(file)
  }
})

test('holds no more than a chunk of a large file at a time, and lets other work run', async () => {
  const file = join(dir, 'large')
  writeFileSync(file, '')
  truncateSync(file, 64 * 1024 * 1024)
  let turns = 0
  const timer = setInterval(() => turns++, 0)
  for await (const chunk of dumpTree(file)) assert.ok(chunk.byteLength <= 256 * 1024)
  clearInterval(timer)
  assert.ok(turns > 1, `${turns}`)
})

test('never reuses the buffer of a chunk', async () => {
  const file = join(dir, 'chunks')
  writeFileSync(file, Buffer.concat([Buffer.alloc(256 * 1024, 'a'), Buffer.alloc(256 * 1024, 'b')]))
  assert.ok((await dump(file)).equals(nix.run('nix-store', '--dump', file)))
})

test('refuses pipes, sockets and devices', async () => {
  const tree = join(dir, 'special')
  mkdirSync(tree)
  spawnSync('mkfifo', [join(tree, 'pipe')])
  await refuses(tree, /special\/pipe is neither a file nor a directory nor a symbolic link/)
  await refuses(join(tree, 'pipe'), /is neither a file/)
  await refuses('/dev/null', /\/dev\/null is neither a file/)
  const server = createServer()
  await new Promise<void>(resolve => server.listen(join(dir, 'socket'), resolve))
  await refuses(join(dir, 'socket'), /is neither a file/).finally(() => server.close())
})

test('refuses a path that does not exist', async () => {
  await refuses(join(dir, 'missing'), /cannot read .*missing: ENOENT/)
})

test('refuses a name with an escape sequence and does not print the sequence', async () => {
  await refuses(join(dir, '\x1b[2Jmissing'), /cannot read .*\\u\{1b\}\[2Jmissing: ENOENT/)
})

test('refuses a file that grows or shrinks while it is read', async () => {
  const file = join(dir, 'changing')
  for (const change of [() => appendFileSync(file, 'more'), () => truncateSync(file, 300 * 1024)]) {
    writeFileSync(file, Buffer.alloc(600 * 1024))
    const chunks = dumpTree(file)
    await chunks.next()
    await chunks.next()
    change()
    const reason = { name: 'FileError', message: /changing changed while it was read/ }
    await assert.rejects(drain(chunks), reason)
  }
})

test('refuses a tree that loses a file while it is read', async () => {
  const tree = join(dir, 'losing')
  mkdirSync(tree)
  writeFileSync(join(tree, 'a'), 'a')
  writeFileSync(join(tree, 'b'), 'b')
  const chunks = dumpTree(tree)
  for (let piece = 0; piece < 3; piece++) await chunks.next()
  rmSync(join(tree, 'b'))
  const reason = { name: 'FileError', message: /cannot read .*losing\/b: ENOENT/ }
  await assert.rejects(drain(chunks), reason)
})
