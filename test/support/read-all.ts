import assert from 'node:assert/strict'
import type { Reader } from '../../src/store/wire.ts'

/**
 * Runs a reader on bytes; `left` is the number of bytes after the value. Fails if the reader wants
 * more.
 */
export function readAll<T>(reader: Reader<T>, bytes: Uint8Array): { value: T; left: number } {
  let offset = 0
  let step = reader.next()
  while (!step.done) {
    assert.ok(offset + step.value <= bytes.length, 'asked for more than there is')
    const piece = bytes.slice(offset, offset + step.value)
    offset += step.value
    step = reader.next(piece)
  }
  return { value: step.value, left: bytes.length - offset }
}
