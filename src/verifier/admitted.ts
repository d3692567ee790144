import { isStorePath, parseStorePath, type StorePath } from '../formats/store-path.ts'
import { type Admission, isCurrent, readAdmission } from '../ledger/admissions.ts'
import { identityOf } from '../ledger/stamp.ts'
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
  return stampedEntry(moment, path) !== undefined
}

/** Whether the ledger has this derivation with these contents. Throws FileError. */
export function isDerivationAdmitted(moment: Moment, stored: StoredDerivation): boolean {
  return currentEntry(moment, stored.path)?.narHash === stored.narHash
}

/**
 * The outputs of a derivation that may be built, by the ledger's word alone: it has the derivation as it lies in the
 * store, with all that it is built from, as that lies in the store. Undefined: it does not. Throws FileError.
 */
export function admittedBuild(moment: Moment, drvPath: string): readonly AdmittedOutput[] | undefined {
  if (!isStorePath(drvPath)) return undefined
  const build = stampedEntry(moment, parseStorePath(drvPath))?.build
  if (!build?.inputs.every(({ path, stamp }) => identityOf(path) === stamp)) return undefined
  return build.outputs.map(({ name, path }) => ({ name, path: parseStorePath(path) }))
}

/** An output that the ledger names. */
export interface AdmittedOutput {
  readonly name: string
  readonly path: StorePath
}

/** The current entry of a path that is still the one on the disk. */
function stampedEntry(moment: Moment, path: StorePath): Admission | undefined {
  const entry = currentEntry(moment, path)
  return entry?.stamp !== undefined && entry.stamp === identityOf(path.path) ? entry : undefined
}

function currentEntry(moment: Moment, path: StorePath): Admission | undefined {
  const entry = readAdmission(moment.state, path.digest, path.path)
  return entry !== undefined && isCurrent(entry, moment.policy, moment.now) ? entry : undefined
}
