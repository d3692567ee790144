import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { FileError } from '../../src/files/regular-file.ts'
import { narOfBytes } from '../../src/formats/nix/nar.ts'
import { narHashOfTree } from '../../src/store/disk-tree-nar.ts'
import { hashOfTree } from '../../src/store/tree-hash.ts'

const dir = mkdtempSync(join(tmpdir(), 'nixsig-tree-hash-'))
after(() => rmSync(dir, { recursive: true, force: true }))

const ALGORITHMS = ['sha256', 'sha512', 'sha1', 'md5'] as const

test('the flat hash of a plain file and the hash of its NAR, whatever its size and algorithm', async () => {
  const file = join(dir, 'file')
  const sizes = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.nat(600_000).map(size => Buffer.alloc(size, size)),
  )
  await fc.assert(
    fc.asyncProperty(
      sizes,
      fc.constantFrom(...ALGORITHMS),
      fc.boolean(),
      async (bytes, algorithm, executable) => {
        writeFileSync(file, bytes)
        chmodSync(file, executable ? 0o755 : 0o644)
        const nar = narOfBytes(bytes, executable)
        const of = (what: Uint8Array, by: string = algorithm) => createHash(by).update(what).digest('hex')
        const narHash = of(nar, 'sha256')
        assert.deepEqual(await hashOfTree(file, { method: 'recursive', algorithm }), {
          narHash,
          hash: of(nar),
        })
        const flat = executable ? undefined : of(bytes)
        assert.deepEqual(await hashOfTree(file, { method: 'flat', algorithm }), { narHash, hash: flat })
      },
    ),
  )
})

test('a directory and a link have no flat hash, and nothing has one by git or BLAKE3', async () => {
  const tree = join(dir, 'tree')
  mkdirSync(tree)
  writeFileSync(join(tree, 'a'), 'a')
  const link = join(dir, 'link')
  symlinkSync(join(tree, 'a'), link)
  for (const path of [tree, link]) {
    const { narHash } = await narHashOfTree(path)
    const flat = await hashOfTree(path, { method: 'flat', algorithm: 'sha256' })
    assert.deepEqual(flat, { narHash, hash: undefined })
    const recursive = await hashOfTree(path, { method: 'recursive', algorithm: 'sha256' })
    assert.deepEqual(recursive, { narHash, hash: narHash })
  }
  const file = join(tree, 'a')
  assert.equal((await hashOfTree(file, { method: 'git', algorithm: 'sha1' })).hash, undefined)
  assert.equal((await hashOfTree(file, { method: 'flat', algorithm: 'blake3' })).hash, undefined)
  await assert.rejects(hashOfTree(join(dir, 'absent'), { method: 'flat', algorithm: 'md5' }), FileError)
})
