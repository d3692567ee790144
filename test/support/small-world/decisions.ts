/**
 * Choices determined by bytes: the same bytes give the same choices, and fewer or smaller bytes
 * give simpler ones.
 */
export interface Decisions {
  /** An integer from 0 to below `limit` (at most 256); 0 once the bytes are used up. */
  below(limit: number): number
  /** True about once in `times` (at least two); false once the bytes are used up. */
  oneIn(times: number): boolean
  /**
   * An item of a list; the first once the bytes are used up. Throws RangeError if the list is
   * empty.
   */
  pick<T>(list: readonly T[]): T
  /** A random subset of a list; empty once the bytes are used up. */
  some<T>(list: readonly T[]): readonly T[]
  /** A list in another order; unchanged once the bytes are used up. */
  shuffle<T>(list: readonly T[]): readonly T[]
}

/** Choices from these bytes, used in order. */
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
