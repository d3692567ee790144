/** The most attempts, and the most time for all of them. */
const TRIES = 2000
const MILLISECONDS = 5000

/**
 * A shorter input that still fails, found by removing parts of it: large ones first, then smaller
 * ones.
 */
export async function shrink(
  input: Uint8Array,
  fails: (input: Uint8Array) => Promise<boolean>,
): Promise<Uint8Array> {
  const end = performance.now() + MILLISECONDS
  let shortest = input
  let tries = 0
  for (let size = input.length >> 1; size > 0; size >>= 1) {
    for (let at = 0; at < shortest.length; ) {
      if (tries++ === TRIES || performance.now() > end) return shortest
      const shorter = Buffer.concat([shortest.subarray(0, at), shortest.subarray(at + size)])
      if (await fails(shorter)) shortest = shorter
      else at += size
    }
  }
  return shortest
}
