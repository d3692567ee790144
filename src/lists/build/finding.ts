/** What is read out of distributions, before it becomes a list. */

import type { Tried } from '../../formats/lists/listed.ts'

export const DISTRIBUTIONS = ['debian', 'gentoo', 'arch'] as const
export type Distribution = (typeof DISTRIBUTIONS)[number]

/** A package of a distribution, and by whom and from where it takes its sources. */
export interface Finding {
  readonly distribution: Distribution
  /** The distribution's name for the source package, raw. */
  readonly package: string
  /** Where names of packages are unique only within categories. */
  readonly category?: string
  readonly version: string
  /** SHA-256, lower-case hex, of the file that named the keys. */
  readonly sha256: string
  /** The fingerprint of the key by which the distribution vouched for that file, if one did. */
  readonly archiveKey?: string
  /** Files with OpenPGP keys, armoured or binary, as they came. */
  readonly keyFiles: readonly Uint8Array[]
  /** Only these primary keys count; by default all in the files. Upper-case hex. */
  readonly fingerprints?: readonly string[]
  /** Where it takes its sources: addresses in which `*` stands for whatever varies. Raw. */
  readonly addresses: readonly string[]
  readonly tried: readonly Tried[]
}

/** Things that were left out or were remarkable, by their names in the report, and how often. */
export class Counts {
  readonly #counts = new Map<string, number>()

  add(what: string, number = 1): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + number)
  }

  get(what: string): number {
    return this.#counts.get(what) ?? 0
  }
}

/** Hears of problems that leave something out: a text without control characters. */
export type Remark = (text: string) => void
