import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mergeEvidence } from '../../src/evidence/merge.ts'
import type { Claim } from '../../src/policy/verdict.ts'

const CLAIM: Claim = {
  key: 'ed25519:00',
  role: 'developer',
  path: '/nix/store/x',
  narHash: 'ab',
  origin: 'a',
}
const of = (...claims: readonly Claim[]) => ({ claims, strays: [], troubles: [] })

test('of identical items from two places, the first is kept', () => {
  assert.deepEqual(mergeEvidence([of(CLAIM), of({ ...CLAIM, origin: 'b' })]).claims, [CLAIM])
})

test('attack: an old signature by a key that ended since does not hide one that counts', () => {
  const ended = { ...CLAIM, expired: { signedAt: 1, at: 2 } }
  assert.deepEqual(mergeEvidence([of(ended), of(CLAIM)]).claims, [ended, CLAIM])
})

test('a claim with references replaces one without, and claims with different references stay two', () => {
  const [some, others] = [
    { ...CLAIM, references: ['/nix/store/y'] },
    { ...CLAIM, references: [] },
  ]
  assert.deepEqual(mergeEvidence([of(CLAIM), of(some)]).claims, [some])
  assert.deepEqual(mergeEvidence([of(some), of(CLAIM), of(some)]).claims, [some])
  assert.deepEqual(mergeEvidence([of(some, CLAIM), of(others)]).claims, [some, others])
})
