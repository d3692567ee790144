export interface DebianSource {
  /** Upstream's version. */
  readonly version: string
  readonly tarball: string
  readonly signature: string
  readonly certificate: string
}

/** Packages whose releases the tests want. */
export const RELEASES: readonly string[]

export function debianSource(name: string): DebianSource

export function fetchDebianSources(names: readonly string[]): void
