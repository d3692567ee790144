/** Where things lie. Hooks use these and nothing else; the command line can name other places. */
export interface Places {
  /** The trusted list and its rules. */
  readonly policy: string
  /** What this machine keeps: ledger, expectations, quarantine, its own attestations, its key. Root's alone. */
  readonly state: string
  /** Directories of attestations in place of those that the policy names; undefined: the policy's. */
  readonly attestations: readonly string[] | undefined
}

export const DEFAULT_PLACES: Places = {
  policy: '/etc/nixsig/policy.toml',
  state: '/var/lib/nixsig',
  attestations: undefined,
}
