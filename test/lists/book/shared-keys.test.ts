import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { generateKey } from '../../../src/crypto/secret-key.ts'
import { printNixPublicKey } from '../../../src/formats/nix/nix-key.ts'
import { sharedKeys } from '../../../src/lists/book/shared-keys.ts'

const KEYS = Array.from({ length: 12 }, (_, index) => printNixPublicKey(generateKey(`k-${index}`)))
const keyOf = (index: number) => ({ key: KEYS[index] ?? '' })
const renamed = (index: number) => ({ key: `other:${KEYS[index]?.split(':')[1]}` })

test("attack: a team has no key of the list's own people in another form", () => {
  const shared = sharedKeys()
  shared.own('guillem', [keyOf(0)])
  assert.deepEqual(shared.ofTeam([renamed(0), keyOf(1)]), [keyOf(1)])
  assert.deepEqual(shared.ofTeam([keyOf(0)]), [keyOf(0)])
})

test("attack: teams make one person of no two of the list's own, not together either", () => {
  const shared = sharedKeys()
  shared.own('alice', [keyOf(0)])
  shared.own('bob', [keyOf(1)])
  assert.deepEqual(shared.ofTeam([keyOf(0), keyOf(1)]), [keyOf(0)])
  assert.deepEqual(shared.ofTeam([keyOf(2), keyOf(3)]), [keyOf(2), keyOf(3)])
  assert.deepEqual(shared.ofTeam([keyOf(0), keyOf(2)]), [keyOf(0), keyOf(2)])
  assert.deepEqual(shared.ofTeam([keyOf(3), keyOf(1)]), [keyOf(3)])
  const certificate = { openpgp: 'A'.repeat(40), sha256: 'ab'.repeat(32) }
  const holds = shared.ofTeam([keyOf(0)]) && ['ed25519:x']
  assert.deepEqual(shared.ofTeam([{ ...certificate, holds }]), [{ ...certificate, holds }])
  const another = { ...certificate, sha256: 'cd'.repeat(32), holds }
  assert.deepEqual(shared.ofTeam([another]), [])
})

test("whatever teams say, the list's own people stay as many as they are", () => {
  const someKeys = fc.uniqueArray(fc.integer({ min: 0, max: 11 }), { minLength: 1, maxLength: 4 })
  fc.assert(
    fc.property(fc.array(someKeys, { maxLength: 12 }), teams => {
      const shared = sharedKeys()
      for (const own of [0, 1, 2, 3]) assert.deepEqual(shared.own(`${own}`, [keyOf(own)]), [keyOf(own)])
      const kept = teams.map(keys =>
        shared.ofTeam(keys.map(keyOf)).flatMap(key => ('key' in key ? KEYS.indexOf(key.key) : [])),
      )
      for (const own of [0, 1, 2, 3]) {
        const reached = new Set([own])
        for (let size = 0; size < reached.size; ) {
          size = reached.size
          for (const keys of kept)
            if (keys.some(key => reached.has(key))) for (const key of keys) reached.add(key)
        }
        assert.deepEqual(
          [...reached].filter(key => key < 4),
          [own],
        )
      }
    }),
  )
})
