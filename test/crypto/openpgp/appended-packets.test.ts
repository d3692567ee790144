// Property: whatever others append to a certificate never turns a refusal into trust.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { FormatError } from '../../../src/primitives/format-error.ts'
import { appendedTo, assertNoGain, BASES } from '../../support/appended-packets.ts'

describe('packets after a certificate improve no signature', () => {
  for (const base of BASES) {
    it(`if it is one ${base.what}`, () => {
      let read = 0
      fc.assert(
        fc.property(appendedTo(base), appended => {
          try {
            assertNoGain(base, appended)
            read++
          } catch (error) {
            if (!(error instanceof FormatError)) throw error
          }
        }),
        { numRuns: 60 },
      )
      assert.ok(read > 15, `only ${read} were read`)
    })
  }
})
