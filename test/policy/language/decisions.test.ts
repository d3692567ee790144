import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PolicyError } from '../../../src/policy/language/policy-error.ts'
import { policyOf } from '../policies.ts'

const MIB = 1024 * 1024
const withDecisions = (decisions: string) => `
version = 1
mode = "enforce"
principals.alice.keys = ["KEY(alice-1)"]
default.require = { source = "alice", derivation = "alice", output = "alice" }
${decisions}`
const read = (decisions: string) => policyOf(withDecisions(decisions)).decisions

test('decisions are kept unless the policy says otherwise', () => {
  assert.deepEqual(read(''), { log: 'kept', size: 64 * MIB, journal: false })
  assert.deepEqual(read('[decisions]'), read(''))
  assert.equal(read('decisions.keep = false').log, 'off')
})

test('what a policy says of the decision log', () => {
  const text = '[decisions]\nrequired = true\nsize = "2 GiB"\njournal = true\ncheckpoints-to = "/mnt/audit"'
  const said = { log: 'required', size: 2048 * MIB, journal: true, checkpointsTo: '/mnt/audit' }
  assert.deepEqual(read(text), said)
})

const WRONG: Readonly<Record<string, readonly [decisions: string, reason: RegExp]>> = {
  'that must be written and is not kept': [
    'decisions = { keep = false, required = true }',
    /must not be true where "keep" is false/,
  ],
  'a size without a unit': ['decisions.size = "64"', /must be a size from "8 MiB" to "64 GiB"/],
  'a size that holds nothing': ['decisions.size = "1 MiB"', /must be a size from/],
  'a size beyond any disk': ['decisions.size = "65 GiB"', /must be a size from/],
  'a word for yes': ['decisions.keep = "yes"', /must be true or false/],
  'a field that is not known': ['decisions.file = "/var/log/x"', /unknown field/],
}

for (const [what, [decisions, reason]] of Object.entries(WRONG)) {
  test(`a policy's [decisions] with ${what} is refused`, () => {
    assert.throws(
      () => read(decisions),
      (error: unknown) => error instanceof PolicyError && reason.test(error.message),
    )
  })
}
