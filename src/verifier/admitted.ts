import type { StorePath } from '../formats/store-path.ts'
import { isCurrent, readAdmission } from '../ledger/admissions.ts'
import { stampOf } from '../ledger/stamp.ts'
import type { StoredDerivation } from './build.ts'

/** What an entry of the ledger is held against. */
export interface Moment {
  readonly state: string
  /** Digest of the policy in force. */
  readonly policy: string
  /** Seconds since 1970. */
  readonly now: number
}

/** Whether the ledger has this path as it lies in the store now. Asks nobody else; throws FileError. */
export function isAdmitted(moment: Moment, path: StorePath): boolean {
  const entry = readAdmission(moment.state, path.digest, path.path)
  if (entry === undefined || !isCurrent(entry, moment.policy, moment.now)) return false
  return entry.stamp !== undefined && entry.stamp === stampOf(path.path)
}

/** Whether the ledger has this derivation with these contents. Throws FileError. */
export function isDerivationAdmitted(moment: Moment, stored: StoredDerivation): boolean {
  const entry = readAdmission(moment.state, stored.path.digest, stored.path.path)
  return (
    entry !== undefined && isCurrent(entry, moment.policy, moment.now) && entry.narHash === stored.narHash
  )
}
