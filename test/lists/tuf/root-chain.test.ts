import assert from 'node:assert/strict'
import { test } from 'node:test'
import { printJson } from '../../../src/formats/json/print.ts'
import { parseStrictJson } from '../../../src/formats/json/strict.ts'
import { canonicalJson } from '../../../src/formats/lists/canonical-json.ts'
import { tufKeyId, tufKeyJson } from '../../../src/formats/lists/tuf-keys.ts'
import { readFirstRoot, readNextRoot } from '../../../src/lists/tuf/root-chain.ts'
import { toHex } from '../../../src/primitives/hex.ts'
import { ed25519KeyPair, signEd25519 } from '../../../src/primitives/sodium.ts'

const pair = (number: number) => ed25519KeyPair(new Uint8Array(32).fill(number))
type Pair = ReturnType<typeof pair>
const ALICE = pair(1)
const BOB = pair(2)
const CAROL = pair(3)

function root(version: number, keepers: readonly Pair[], signers: readonly Pair[]): Uint8Array {
  const keyids = keepers.map(each => tufKeyId(each.publicKey))
  const role = { keyids, threshold: keepers.length }
  const keys = keepers.map((each, at) => [keyids[at], JSON.parse(printJson(tufKeyJson(each.publicKey)))])
  const signed = JSON.stringify({
    _type: 'root',
    spec_version: '1.0.31',
    version,
    expires: '2027-01-01T00:00:00Z',
    consistent_snapshot: true,
    keys: Object.fromEntries(keys),
    roles: { root: role, targets: role, snapshot: role, timestamp: role },
  })
  const message = canonicalJson(parseStrictJson(signed, { length: 100_000, depth: 8 }))
  const signatures = signers.map(each => ({
    keyid: tufKeyId(each.publicKey),
    sig: toHex(signEd25519(message, each.secretKey)),
  }))
  return Buffer.from(`{"signed":${signed},"signatures":${JSON.stringify(signatures)}}`)
}

const FIRST = readFirstRoot(root(1, [ALICE, BOB], [ALICE, BOB])).signed

test('a first root that too few of its own keys signed is refused', () => {
  assert.throws(() => readFirstRoot(root(1, [ALICE, BOB], [ALICE])), /needs 2 signatures by its own .* has 1/)
})

test('keepers change when enough of the old and of the new signed', () => {
  const next = readNextRoot(FIRST, root(2, [BOB, CAROL], [ALICE, BOB, CAROL]))
  assert.equal(next.signed.version, 2)
})

test('attack: a new root by its own keys alone', () => {
  const bytes = root(2, [CAROL], [CAROL])
  assert.throws(() => readNextRoot(FIRST, bytes), /needs 2 signatures by the root keys of version 1, has 0/)
})

test('attack: old keepers name a keeper who did not sign', () => {
  const bytes = root(2, [BOB, CAROL], [ALICE, BOB])
  assert.throws(() => readNextRoot(FIRST, bytes), /needs 2 signatures by its own root keys, has 1/)
})

for (const version of [1, 3])
  test(`attack: root version ${version} where version 2 follows`, () => {
    const bytes = root(version, [ALICE, BOB], [ALICE, BOB])
    assert.throws(() => readNextRoot(FIRST, bytes), /must be version 2/)
  })
