// Text from outside, made safe for a terminal: raw, and escaped before by whoever wrote it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { printable, printableAgain } from '../../src/primitives/printable.ts'

const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{Cn}]/u
const anything = fc.string({ unit: 'binary', maxLength: 80 })

test('property: what is escaped once stays as it is, and whatever is invisible never gets through', () =>
  fc.assert(
    fc.property(anything, text => {
      const escaped = printable(text, 1_000)
      assert.equal(printableAgain(escaped, 10_000), escaped)
      assert.doesNotMatch(printableAgain(text), UNSEEN)
    }),
    { numRuns: 2_000 },
  ))

test('a long text is cut once, with a sign', () => {
  assert.equal(printableAgain('a\\u{1b}b'.repeat(3), 8), 'a\\u{1b}b…')
})
