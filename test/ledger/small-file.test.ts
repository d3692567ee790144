import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { narOfBytes } from '../../src/formats/nix/nar.ts'
import { isSmallFileOf } from '../../src/ledger/small-file.ts'

const dir = mkdtempSync(join(tmpdir(), 'nixsig-small-'))
after(() => rmSync(dir, { recursive: true }))
const file = join(dir, 'file')
const hashOf = (contents: Uint8Array, executable: boolean) =>
  createHash('sha256').update(narOfBytes(contents, executable)).digest('hex')

test('a file matches its own hash, but not with another mode or one changed byte', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), fc.nat(), (contents, executable, at) => {
      writeFileSync(file, contents)
      chmodSync(file, executable ? 0o555 : 0o444)
      const hash = hashOf(contents, executable)
      assert.ok(isSmallFileOf(file, hash))
      chmodSync(file, executable ? 0o444 : 0o555)
      assert.ok(!isSmallFileOf(file, hash))
      chmodSync(file, executable ? 0o755 : 0o644)
      if (contents.length === 0) return
      const changed = contents.slice()
      changed[at % changed.length] = (changed[at % changed.length] ?? 0) ^ 1
      writeFileSync(file, changed)
      assert.ok(!isSmallFileOf(file, hash))
    }),
    { numRuns: 50 },
  )
})

test('anything but a small file does not match: an absent path, a directory, a link to the file, a large file', () => {
  writeFileSync(file, 'a')
  const hash = hashOf(Buffer.from('a'), false)
  symlinkSync(file, join(dir, 'link'))
  mkdirSync(join(dir, 'directory'))
  for (const name of ['none', 'link', 'directory']) assert.ok(!isSmallFileOf(join(dir, name), hash), name)
  truncateSync(file, 1024 * 1024 + 1)
  assert.ok(!isSmallFileOf(file, hashOf(new Uint8Array(1024 * 1024 + 1), false)))
})
