import type { Admits } from '../ledger/expected.ts'
import type { Instant } from '../policy/policy.ts'
import type { Verdict } from '../policy/verdict.ts'

/** What can be said of an output before it is built. */
export interface Foreseen {
  /** With which contents it may become valid. */
  readonly admits: Admits
  /** Of the best outcome that the build can have; missing where that cannot be said before it is there. */
  readonly verdict?: Verdict
  /** When that may no longer be so. */
  readonly until?: Instant
}
