export interface QuarantineEntry {
  readonly path: string
  /** SHA-256 of the NAR, lower-case hex. */
  readonly narHash: string
  readonly narSize: number
  readonly references: readonly string[]
  readonly derivation: string
  /** Whether this machine made it: no word of its own can stand for what came from elsewhere. */
  readonly builtHere: boolean
  /** When Nix registered it, in seconds since 1970: tells this making of the path from a later one. */
  readonly registered: number
  /** When it was refused, in seconds since 1970. */
  readonly refused: number
  readonly outcome: 'untrusted' | 'indeterminate'
  /** Why, as it was said then. */
  readonly reason: string
}
