// H14: whether contents have the hash that a derivation declares, found out from the bytes.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { narOfBytes } from '../../src/formats/nix/nar.ts'
import { haveHash } from '../../src/verifier/declared-contents.ts'

const dir = mkdtempSync(join(tmpdir(), 'nixsig-declared-'))
after(() => rmSync(dir, { recursive: true, force: true }))
const fsPath = join(dir, 'file')

const method = fc.constantFrom('flat', 'recursive')
const algorithm = fc.constantFrom('sha256', 'sha512', 'sha1', 'md5')
const contents = fc.uint8Array({ maxLength: 64 })

function hashed(bytes: Uint8Array, how: 'flat' | 'recursive', by: string): string {
  return createHash(by)
    .update(how === 'flat' ? bytes : narOfBytes(bytes, false))
    .digest('hex')
}

test('property: contents have the declared hash exactly if the declaration is of these bytes', async () => {
  await fc.assert(
    fc.asyncProperty(contents, contents, method, algorithm, async (bytes, declared, how, by) => {
      writeFileSync(fsPath, bytes)
      const narHash = hashed(bytes, 'recursive', 'sha256')
      const address = { method: how, algorithm: by, hash: hashed(declared, how, by) } as const
      const expected = Buffer.compare(bytes, declared) === 0
      assert.equal(await haveHash(address, { narHash, fsPath }), expected)
      // What was found out of bytes that are here does not count for an offer of the same bytes.
      const isKnown = how === 'recursive' && by === 'sha256'
      assert.equal(await haveHash(address, { narHash, fsPath: undefined }), isKnown ? expected : undefined)
    }),
  )
})

test('attack: bytes that are not those of the NAR hash prove nothing about it', async () => {
  writeFileSync(fsPath, 'good')
  const address = {
    method: 'flat',
    algorithm: 'sha256',
    hash: hashed(Buffer.from('good'), 'flat', 'sha256'),
  } as const
  const narHash = hashed(Buffer.from('evil'), 'recursive', 'sha256')
  assert.equal(await haveHash(address, { narHash, fsPath }), undefined)
  assert.equal(await haveHash(address, { narHash, fsPath: undefined }), undefined)
})
