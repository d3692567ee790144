/** Reproducible random numbers: the same seed and name give the same numbers on every machine. */
export interface Random {
  /** An integer from 0 to below `limit`. */
  below(limit: number): number
  /** True once in this many times, on average. */
  oneIn(times: number): boolean
  /** A random item; throws RangeError if the list is empty. */
  pick<T>(list: readonly T[]): T
}

/**
 * A generator for one purpose, independent of those with other names. `seed`: an integer of up to
 * 32 bits.
 */
export function randomFor(seed: number, name: string): Random {
  const next = mulberry32(hash(`${seed} ${name}`))
  const below = (limit: number) => Math.floor(next() * limit)
  return {
    below,
    oneIn: times => below(times) === 0,
    pick: list => {
      const [picked] = list.slice(below(list.length))
      if (picked === undefined) throw new RangeError('nothing to pick from')
      return picked
    },
  }
}

/**
 * Tommy Ettinger's mulberry32: 32 bits of state, numbers from 0 to below 1. Good enough to choose
 * bytes.
 */
function mulberry32(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** FNV-1a, 32 bits, of a text's UTF-16 code units. */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193)
  return value
}
