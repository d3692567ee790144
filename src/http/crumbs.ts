import type { IncomingMessage } from 'node:http'
import { refused } from './source-error.ts'

/** So many pieces in a row are looked at together, and have at least so many bytes each on average. */
const PIECES = 1024
const LEAST = 16

/**
 * Ends a body that comes in pieces of a few bytes. Each piece costs the same work, whatever its
 * length: a byte in a chunk of its own costs thousands of times as much as a byte of an honest body.
 */
export function refuseCrumbs(response: IncomingMessage): void {
  const push = response.push.bind(response)
  let [pieces, bytes] = [0, 0]
  // Whoever reads the stream would see the pieces only after all that arrived together were parsed.
  response.push = (piece: Uint8Array | null, encoding) => {
    if (response.destroyed) return false
    bytes += piece?.length ?? 0
    if (++pieces === PIECES) {
      if (bytes < LEAST * PIECES) {
        response.destroy(refused(`answered in pieces of less than ${LEAST} bytes`))
        return false
      }
      pieces = 0
      bytes = 0
    }
    return push(piece, encoding)
  }
}
