/** A path that left the store, with what was known about it and why it was refused. */
export interface QuarantineEntry {
  readonly path: string
  /** SHA-256 of the NAR, lower-case hex. */
  readonly narHash: string
  readonly narSize: number
  readonly references: readonly string[]
  /** The path itself where none is known, as of what came from elsewhere and fell later. */
  readonly derivation: string
  /** Whether this machine built it. What came from elsewhere must not be attested as built here. */
  readonly builtHere: boolean
  /**
   * When Nix registered it, in seconds since 1970; distinguishes this registration of the path from
   * a later one.
   */
  readonly registered: number
  /** When it was refused, in seconds since 1970. */
  readonly refused: number
  readonly outcome: 'untrusted' | 'indeterminate'
  /** The reason in the words of the refusal. */
  readonly reason: string
}
