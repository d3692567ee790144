/** What the store registered about a valid path. */
export interface PathInfo {
  readonly path: string
  /**
   * The derivation that built it, if the store knows one. For a path from elsewhere this is an
   * unverified claim.
   */
  readonly deriver?: string
  /** SHA-256 of the NAR, lower-case hex. */
  readonly narHash: string
  readonly references: readonly string[]
  /** Seconds since 1970; whatever was chosen by who added a path that is known by its contents. */
  readonly registrationTime: number
  /** Bytes. */
  readonly narSize: number
  /** Built by this store. */
  readonly ultimate: boolean
  /**
   * As stored: `name:base64` or anything else that somebody added; those that have room (see
   * signatures.ts).
   */
  readonly signatures: readonly string[]
  /** How many more have the form of a signature; undefined if all of them had room. */
  readonly crowdedOut?: number
  /** The content address, if the path has one: `text:sha256:…`, `fixed:r:sha256:…` */
  readonly ca?: string
}
