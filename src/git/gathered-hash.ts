import type { Hash } from 'node:crypto'

/** Small pieces are gathered up to this size: each call of a hash costs more than a copy. */
const SIZE = 64 * 1024

/** A hash of many small pieces. */
export interface GatheredHash {
  /** Adds bytes, which may change afterwards. */
  add(bytes: Uint8Array): void
  /** The hash of all, in lower-case hex. Nothing can be added after it. */
  digest(): string
}

/** Gathers pieces for a hash. */
export function gatheredHash(hash: Hash): GatheredHash {
  const gathered = Buffer.allocUnsafe(SIZE)
  let length = 0
  const flush = () => {
    hash.update(gathered.subarray(0, length))
    length = 0
  }
  return {
    add: bytes => {
      if (length + bytes.length > SIZE) flush()
      if (bytes.length > SIZE / 4) {
        flush()
        hash.update(bytes)
        return
      }
      gathered.set(bytes, length)
      length += bytes.length
    },
    digest: () => {
      flush()
      return hash.digest('hex')
    },
  }
}
