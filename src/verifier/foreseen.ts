import type { Admits } from '../ledger/expected.ts'
import type { Instant } from '../policy/policy.ts'
import type { Verdict } from '../policy/verdict.ts'

/** What can be said about an output before it is built. */
export interface Foreseen {
  /** The contents with which it may become valid. */
  readonly admits: Admits
  /**
   * The verdict on the best possible outcome of the build; absent if that cannot be said before the
   * output exists.
   */
  readonly verdict?: Verdict
  /** The instant from which this may no longer hold. */
  readonly until?: Instant
}
