import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describePolicy } from '../../../src/policy/describe.ts'
import { PolicyError } from '../../../src/policy/language/policy-error.ts'
import { policyOf } from '../policies.ts'

const withStore = (store: string) => `
version = 1
mode = "enforce"
principals.alice.keys = ["KEY(alice-1)"]
default.require = { source = "alice", derivation = "alice", output = "alice" }
${store}`

test('sources are data unless the policy says otherwise', () => {
  assert.deepEqual(policyOf(withStore('')).store, { sources: 'data' })
  assert.deepEqual(policyOf(withStore('[store]')).store, { sources: 'data' })
  assert.doesNotMatch(describePolicy(policyOf(withStore(''))), /may lie in the store/)
})

test('sources that have to be trusted first', () => {
  const policy = policyOf(withStore('store.sources = "attested"'))
  assert.deepEqual(policy.store, { sources: 'attested' })
  assert.match(describePolicy(policy), /^sources have to be trusted before they may lie in the store$/m)
})

const WRONG: Readonly<Record<string, readonly [store: string, reason: RegExp]>> = {
  'a word that is not known': ['store.sources = "refuse"', /must be "data" or "attested"/],
  'a word in capitals': ['store.sources = "Attested"', /must be "data" or "attested"/],
  'no word': ['store.sources = true', /must be "data" or "attested"/],
  'a field that is not known': ['store.outputs = "data"', /outputs/],
  'no table': ['store = "attested"', /store/],
}

for (const [what, [store, reason]] of Object.entries(WRONG)) {
  test(`attack: a policy's [store] with ${what} is refused`, () => {
    assert.throws(
      () => policyOf(withStore(store)),
      (error: unknown) => error instanceof PolicyError && reason.test(error.message),
    )
  })
}
