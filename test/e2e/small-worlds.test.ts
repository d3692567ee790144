// The in-memory store of test/verifier/small-worlds.test.ts, compared with the installed Nix.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { openSmallWorlds } from '../support/small-world/small-worlds.ts'

const CASES = 12

test(`Nix takes ${CASES} small worlds as they are, and with its answers the verdicts are the same`, async () => {
  const worlds = await openSmallWorlds()
  try {
    const bytes = fc.uint8Array({ minLength: 100, maxLength: 300, size: 'max' })
    const check = fc.asyncProperty(bytes, async bytes => {
      const { broken } = await worlds.try('nix', bytes)
      assert.equal(broken, undefined)
    })
    await fc.assert(check, { numRuns: CASES, endOnFailure: true })
  } finally {
    await worlds.close()
  }
})
