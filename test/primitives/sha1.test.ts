import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { it } from 'node:test'
import fc from 'fast-check'
import { toHex } from '../../src/primitives/hex.ts'
import { sha1 } from '../../src/primitives/sha1.ts'

it("agrees with node's SHA-1 for every length up to a few blocks, and for any bytes", () => {
  const assertSame = (message: Uint8Array) =>
    assert.equal(toHex(sha1(message)), createHash('sha1').update(message).digest('hex'))
  for (let length = 0; length < 260; length++) assertSame(Buffer.alloc(length, length))
  fc.assert(fc.property(fc.uint8Array({ maxLength: 5000 }), assertSame), { numRuns: 500 })
})

it('gives the examples of FIPS 180', () => {
  assert.equal(toHex(sha1(Buffer.from('abc'))), 'a9993e364706816aba3e25717850c26c9cd0d89d')
})
