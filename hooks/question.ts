/** What Nix asks, in two steps: most answers stand in the ledger, and the others have to be found. */
export interface Hook {
  /** The derivation that Nix asks about. */
  readonly derivation: string
  /** Whether the ledger alone says yes. */
  admits(): boolean
  /** Judges; the exit status. Anything but 0 is a no to Nix. */
  judge(): Promise<number>
}
