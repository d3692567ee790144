import assert from 'node:assert/strict'
import type { SkippingReader } from '../../src/store/wire.ts'

/**
 * Reads a value from bytes that are all there; `left` counts what follows it. Fails if the reader
 * wants more.
 */
export function readAll<T>(reader: SkippingReader<T>, bytes: Uint8Array): { value: T; left: number } {
  let offset = 0
  let step = reader.next()
  while (!step.done) {
    const wanted = typeof step.value === 'number' ? { take: step.value } : step.value
    const count = 'take' in wanted ? wanted.take : 'peek' in wanted ? wanted.peek : wanted.skip
    assert.ok(offset + count <= bytes.length, 'asked for more than there is')
    const piece = bytes.slice(offset, 'peek' in wanted ? undefined : offset + count)
    if (!('peek' in wanted)) offset += count
    step = reader.next(piece)
  }
  return { value: step.value, left: bytes.length - offset }
}
