/** Choices that bytes make: the same bytes make the same choices, and fewer or smaller bytes make simpler ones. */
export interface Decisions {
  /** A whole number from 0 up to, and without, `limit` (at most 256); 0 once the bytes are used up. */
  below(limit: number): number
  /** True about once in so many times, two at least; false once the bytes are used up. */
  oneIn(times: number): boolean
  /** One of a list; its first once the bytes are used up. Throws RangeError if it is empty. */
  pick<T>(list: readonly T[]): T
  /** Each of a list, or not; none of them once the bytes are used up. */
  some<T>(list: readonly T[]): readonly T[]
  /** A list in another order; in the same one once the bytes are used up. */
  shuffle<T>(list: readonly T[]): readonly T[]
}

/** Choices by these bytes, from the first to the last. */
export function decisionsOf(bytes: Uint8Array): Decisions {
  let at = 0
  const below = (limit: number) => (bytes[at++] ?? 0) % limit
  const decisions: Decisions = {
    below,
    oneIn: times => below(times) === times - 1,
    pick: list => {
      const [picked] = list.slice(below(list.length))
      if (picked === undefined) throw new RangeError('nothing to pick from')
      return picked
    },
    some: list => list.filter(() => decisions.oneIn(2)),
    shuffle: list => {
      const rest = [...list]
      return list.flatMap(() => rest.splice(below(rest.length), 1))
    },
  }
  return decisions
}
