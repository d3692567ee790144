import type { Collected } from './collect.ts'
import type { Pair } from './pack-across.ts'

/** The names of the semantics. */
export const SEMANTICS = ['guix', 'sequoia-git'] as const

export type SemanticsName = (typeof SEMANTICS)[number]

/** Where a history begins for whoever asks. */
export interface Introduction {
  readonly semantics: SemanticsName
  /** The whole id of the first commit that is trusted. */
  readonly commit: string
  /** Guix: the fingerprint of the key that signed it, in upper-case hex. */
  readonly signer?: string
}

/** What was authenticated before: see src/git/authenticate/memory.ts. */
export interface KnownTip {
  readonly commit: string
  /**
   * The keys whose signatures it rests on, by fingerprint. Guix: the SHA-256 of each one's
   * certificate, in hex. Sequoia-git: the fingerprint of its primary key.
   */
  readonly keys: ReadonlyMap<string, string>
  /** Fingerprints of keys that its history revokes for all time. */
  readonly revoked: readonly string[]
  /** The second, since 1970, from which on it has to be looked at again. */
  readonly until?: number
}

/** A history to judge: collected from the tip down to the roots. */
export interface Asked {
  readonly pair: Pair
  readonly tip: string
  readonly introduction: Introduction
  /** Commits at which it begins: `known`, or the introduction if nothing is known. */
  readonly roots: ReadonlySet<string>
  readonly collected: Collected
  /** What is known from before. */
  readonly known: readonly KnownTip[]
  /** Seconds since 1970. */
  readonly now: number
}

/** An authentic history. */
export interface Authentic {
  /** Commits whose signatures were verified now, by the fingerprint of the key that signed. */
  readonly signers: ReadonlyMap<string, number>
  readonly tip: KnownTip
}
