/** How long adopting takes, as far as that can be told. Pure. */

/** What is left to do. */
export interface Work {
  /** Seconds that each build took before; undefined where that is not known. */
  readonly builds: readonly (number | undefined)[]
  /** Bytes of all paths, which are hashed. */
  readonly bytes: number
}

/** A guess in seconds, and what it rests on. */
export interface Estimate {
  readonly seconds: number
  /** Builds whose time is known, and others, for which `assumed` seconds are counted. */
  readonly known: number
  readonly unknown: number
  /** The median of the known ones; undefined if none is known: then the others are not counted. */
  readonly assumed: number | undefined
}

/** Adds up the known times, the median for each of the others, and the hashing. */
export function estimate({ builds, bytes }: Work, bytesPerSecond: number): Estimate {
  const known = builds.filter(seconds => seconds !== undefined).sort((a, b) => a - b)
  const assumed = known[Math.floor((known.length - 1) / 2)]
  const unknown = builds.length - known.length
  const building = known.reduce((sum, seconds) => sum + seconds, 0) + unknown * (assumed ?? 0)
  const hashing = bytesPerSecond > 0 ? bytes / bytesPerSecond : 0
  return { seconds: Math.ceil(building + hashing), known: known.length, unknown, assumed }
}

const [MINUTE, HOUR] = [60, 3600]

/** A span in words: `12 s`, `3 min`, `2 h 5 min`. */
export function spanWords(seconds: number): string {
  if (seconds < MINUTE) return `${Math.max(1, Math.round(seconds))} s`
  const minutes = Math.round(seconds / MINUTE)
  if (minutes < MINUTE) return `${minutes} min`
  const rest = minutes % MINUTE
  return `${Math.floor((minutes * MINUTE) / HOUR)} h${rest === 0 ? '' : ` ${rest} min`}`
}
