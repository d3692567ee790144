/** Nix's question, answered in two steps: the ledger has most answers, the others are judged. */
export interface Hook {
  /** The derivation that Nix asks about. */
  readonly derivation: string
  /** Whether the ledger alone admits it. */
  admits(): boolean
  /** Judges; returns the exit status. Nix takes anything but 0 for a refusal. */
  judge(): Promise<number>
}
