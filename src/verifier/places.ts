/**
 * The files and directories in use. Hooks use the default places; the command line can name others.
 */
export interface Places {
  /** The policy file: the trusted list and its rules. */
  readonly policy: string
  /**
   * The directory of what this machine keeps: ledger, expectations, quarantine, its own
   * attestations, its keys. Only root may write there.
   */
  readonly state: string
  /**
   * Directories of attestations that replace those that the policy names; undefined to use the
   * policy's.
   */
  readonly attestations: readonly string[] | undefined
  /** A directory that has the mirrors of sources in place of the state directory. */
  readonly mirrors?: string
}

/** The places that hooks use. */
export const DEFAULT_PLACES: Places = {
  policy: '/etc/nixsig/policy.toml',
  state: '/var/lib/nixsig',
  attestations: undefined,
}
