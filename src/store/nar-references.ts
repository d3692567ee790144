/**
 * Finds what the bytes of a NAR refer to. Loads node:crypto: a hook imports this module with `await
 * import()`.
 */
import { createHash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { type Found, scanForHashParts, type Wanted } from '../formats/nix/hash-parts.ts'
import { FormatError } from '../primitives/format-error.ts'

/** Milliseconds of work after which other work may run. */
const TURN_MS = 5
/** Bytes that are scanned and hashed in one go. */
const PIECE = 32 * 1024

/** The NAR that is expected. */
export interface ExpectedNar {
  /** SHA-256, lower-case hex. */
  readonly narHash: string
  /** Bytes. */
  readonly narSize: number
}

/**
 * Looks for hash parts in a NAR that arrives in pieces, and reads no further than its expected
 * size. Throws FormatError if the NAR is not the expected one, and whatever reading it throws.
 */
export async function hashPartsInNar(
  pieces: AsyncIterable<Uint8Array>,
  { narHash, narSize }: ExpectedNar,
  wanted: Wanted,
): Promise<Found> {
  const hash = createHash('sha256')
  const scan = scanForHashParts(wanted)
  let size = 0
  let since = performance.now()
  for await (const piece of pieces) {
    size += piece.byteLength
    if (size > narSize) throw new FormatError('NAR', 'is longer than its narinfo says', `offset ${narSize}`)
    for (let at = 0; at < piece.byteLength; at += PIECE) {
      const part = piece.subarray(at, at + PIECE)
      hash.update(part)
      scan.add(part)
      if (performance.now() - since < TURN_MS) continue
      await setImmediate()
      since = performance.now()
    }
  }
  if (size < narSize) throw new FormatError('NAR', 'is shorter than its narinfo says', `offset ${size}`)
  if (hash.digest('hex') !== narHash)
    throw new FormatError('NAR', 'does not have the hash in its narinfo', 'the whole')
  return scan.end()
}
