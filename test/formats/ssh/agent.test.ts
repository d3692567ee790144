import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  identitiesRequest,
  parseAgentSignature,
  parseIdentities,
  signRequest,
} from '../../../src/formats/ssh/agent.ts'
import { wireString, wireUint32 } from '../../../src/formats/ssh/wire.ts'
import { FormatError } from '../../../src/primitives/format-error.ts'

const BLOB = Uint8Array.of(1, 2, 3)
const listing = (count: number, ...parts: readonly (Uint8Array | string)[]) =>
  new Uint8Array(Buffer.concat([Buffer.of(12), wireUint32(count), ...parts.map(wireString)]))

test('the requests, byte for byte', () => {
  assert.deepEqual([...identitiesRequest()], [0, 0, 0, 1, 11])
  assert.deepEqual(
    [...signRequest(BLOB, Uint8Array.of(9))],
    [0, 0, 0, 17, 13, 0, 0, 0, 3, 1, 2, 3, 0, 0, 0, 1, 9, 0, 0, 0, 4],
  )
})

test('the answers', () => {
  assert.deepEqual(parseIdentities(listing(2, BLOB, 'alice', BLOB, '')), [
    { keyBlob: BLOB, comment: 'alice' },
    { keyBlob: BLOB, comment: '' },
  ])
  assert.deepEqual(parseIdentities(listing(0)), [])
  assert.deepEqual(parseAgentSignature(Buffer.concat([Buffer.of(14), wireString(BLOB)])), Buffer.from(BLOB))
  assert.equal(parseIdentities(Uint8Array.of(5)), undefined)
  assert.equal(parseAgentSignature(Uint8Array.of(5)), undefined)
})

test('data that is too long for an agent is not sent', () => {
  assert.throws(() => signRequest(BLOB, new Uint8Array(256 * 1024)), /more than an agent takes/)
})

for (const [what, answer] of [
  ['nothing', new Uint8Array()],
  ['a message of another type', Uint8Array.of(14, 0, 0, 0, 0)],
  ['a refusal followed by more', Uint8Array.of(5, 0)],
  ['more keys than it then lists', listing(2, BLOB, 'alice')],
  ['fewer keys than it then lists', listing(1, BLOB, 'alice', BLOB, 'bob')],
  ['four billion keys', listing(0xffffffff)],
  ['a key that is longer than the message', Uint8Array.of(12, 0, 0, 0, 1, 255, 255, 255, 255)],
  ['a comment without end', listing(1, BLOB, 'x'.repeat(2000))],
] as const) {
  test(`attack: an agent answers with ${what}`, () => {
    assert.throws(() => parseIdentities(answer), FormatError)
  })
}
