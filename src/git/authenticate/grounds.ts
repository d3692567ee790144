import type { Authentic, KnownTip } from './semantics.ts'

/** What an authentic history rests on, as far as it has been judged. */
export interface Grounds {
  /** As in KnownTip. */
  readonly keys: Map<string, string>
  /** As in Authentic. */
  readonly signers: Map<string, number>
  /** The second, since 1970, at which the first signature ends; Infinity if none does. */
  until: number
}

/** The grounds of what is known from before. */
export function groundsOf(known: readonly KnownTip[]): Grounds {
  return {
    keys: new Map(known.flatMap(tip => [...tip.keys])),
    signers: new Map(),
    until: Math.min(...known.map(tip => tip.until ?? Number.POSITIVE_INFINITY)),
  }
}

/** Counts one more commit that this key signed. */
export function countSigner({ signers }: Grounds, key: string): void {
  signers.set(key, (signers.get(key) ?? 0) + 1)
}

/** The result. `revoked`: fingerprints of keys that the history revokes for all time. */
export function authenticOn(
  { keys, signers, until }: Grounds,
  commit: string,
  revoked: readonly string[],
): Authentic {
  const ends = Number.isFinite(until) ? { until } : {}
  return { signers, tip: { commit, keys, revoked, ...ends } }
}
