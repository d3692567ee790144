// RFC 6962, sections 2.1 and 2.1.1, word for word: recursive and slow, to hold against what
// src/formats/tlog computes. Leaves are entries, not hashes.
import { createHash } from 'node:crypto'

function hash(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(createHash('sha256').update(Buffer.concat(parts)).digest())
}

/** MTH(D[n]) */
export function referenceRoot(entries: readonly Uint8Array[]): Uint8Array {
  const [first] = entries
  if (first === undefined) return hash()
  if (entries.length === 1) return hash(Uint8Array.of(0), first)
  const split = splitOf(entries.length)
  return hash(Uint8Array.of(1), referenceRoot(entries.slice(0, split)), referenceRoot(entries.slice(split)))
}

/** PATH(m, D[n]) */
export function referenceInclusion(index: number, entries: readonly Uint8Array[]): readonly Uint8Array[] {
  if (entries.length <= 1) return []
  const split = splitOf(entries.length)
  const [left, right] = [entries.slice(0, split), entries.slice(split)]
  return index < split
    ? [...referenceInclusion(index, left), referenceRoot(right)]
    : [...referenceInclusion(index - split, right), referenceRoot(left)]
}

/** The largest power of two below n. */
function splitOf(n: number): number {
  let power = 1
  while (2 * power < n) power *= 2
  return power
}
