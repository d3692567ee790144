import assert from 'node:assert/strict'
import { createPublicKey, verify } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { printPemPublicKey } from '../../src/formats/keys/pem.ts'
import { isWeakPoint } from '../../src/formats/keys/weak-point.ts'
import { verifyEd25519 } from '../../src/primitives/sodium.ts'

interface Vector {
  readonly number: number
  readonly key: string
  readonly sig: string
  readonly msg: string
  readonly flags: readonly string[]
}

const vectors: readonly Vector[] = JSON.parse(
  readFileSync(join(PROJECT_ROOT, 'test/vectors/ed25519/cctv.json'), 'utf8'),
)
const classes = new Map<string, Vector[]>()
for (const vector of vectors) {
  const flags = vector.flags.join(' ')
  classes.set(flags, [...(classes.get(flags) ?? []), vector])
}

/**
 * The flags of vectors that libsodium refuses: all but those of a low-order component next to one
 * of high order.
 */
const REFUSED = [
  'low_order_A',
  'low_order_R',
  'non_canonical_A',
  'non_canonical_R',
  'low_order_residue',
  'reencoded_k',
]

const bytes = (hex: string) => Buffer.from(hex, 'hex')
const holds = ({ key, sig, msg }: Vector) => verifyEd25519(Buffer.from(msg), bytes(sig), bytes(key))

describe('an edge case of Ed25519 (C2SP/CCTV)', () => {
  it('is of one of 66 classes', () => assert.equal(classes.size, 66))

  for (const [flags, members] of classes) {
    const isRefused = members[0]?.flags.some(flag => REFUSED.includes(flag)) === true
    it(`is ${isRefused ? 'refused' : 'accepted'} with ${flags === '' ? 'no flags' : flags}`, () => {
      for (const vector of members) assert.equal(holds(vector), !isRefused, `vector ${vector.number}`)
    })
  }

  it('with a key of low order, or not canonical, is refused in the policy, and no other key is', () => {
    for (const { key, flags } of vectors) {
      const isWeak = flags.includes('low_order_A') || flags.includes('non_canonical_A')
      assert.equal(isWeakPoint(bytes(key)), isWeak, key)
    }
  })

  it('shows that node:crypto accepts signatures that libsodium refuses', () => {
    const key = (vector: Vector) => createPublicKey(printPemPublicKey(bytes(vector.key)))
    const accepted = vectors.filter(vector =>
      verify(null, Buffer.from(vector.msg), key(vector), bytes(vector.sig)),
    )
    assert.ok(accepted.some(vector => !holds(vector)))
  })
})
