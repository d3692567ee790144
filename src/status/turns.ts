/**
 * Turns among several who have something to look at, so that nobody's much keeps another waiting.
 */

/** Undefined: something was looked at that is not of interest. It counts as a step. */
export type Looked<T> = T | undefined

/** How many are looked at, and until when, as of performance.now(). */
export interface Bounds {
  readonly steps: number
  readonly end: number
}

/**
 * Takes one of each in turns, until all are at their end or one of the bounds is reached. `left`
 * says at least how many were not taken: they are counted within the same bounds once more.
 */
export function inTurns<K, T>(
  sources: ReadonlyMap<K, Iterable<Looked<T>>>,
  { steps, end }: Bounds,
  take: (value: T, key: K) => void,
): { readonly left: number } {
  const waiting = new Map([...sources].map(([key, source]) => [key, source[Symbol.iterator]()] as const))
  let taken = 0
  while (waiting.size > 0) {
    for (const [key, source] of waiting) {
      if (taken >= steps || performance.now() >= end)
        return { left: remaining(waiting.values(), { steps, end }) }
      taken++
      const next = source.next()
      if (next.done === true) waiting.delete(key)
      else if (next.value !== undefined) take(next.value, key)
    }
  }
  return { left: 0 }
}

/** At least one for each that is not at its end. */
function remaining<T>(sources: Iterable<Iterator<Looked<T>>>, { steps, end }: Bounds): number {
  let left = 0
  let counted = 0
  for (const source of sources) {
    let own = 0
    while (counted < steps && performance.now() < end) {
      counted++
      const next = source.next()
      if (next.done === true) break
      if (next.value !== undefined) own++
    }
    left += Math.max(own, 1)
  }
  return left
}
