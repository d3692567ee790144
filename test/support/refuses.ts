import assert from 'node:assert/strict'
import { FormatError } from '../../src/primitives/format-error.ts'

/** Asserts that reading throws a FormatError whose message matches. */
export function refuses(read: () => unknown, reason: RegExp): void {
  assert.throws(read, (error: unknown) => {
    assert.ok(error instanceof FormatError, `not a FormatError: ${error}`)
    assert.match(error.message, reason)
    return true
  })
}
