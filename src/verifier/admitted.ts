import { isStorePath, parseStorePath, type StorePath } from '../formats/nix/store-path.ts'
import {
  type Admission,
  type AdmittedKind,
  type AdmittedOutcome,
  isCurrent,
  readAdmission,
  readKnownAdmission,
} from '../ledger/admissions.ts'
import { isSmallFileOf } from '../ledger/small-file.ts'
import { isSameInode, stampOf } from '../ledger/stamp.ts'
import type { StoredDerivation } from './derivation-parts.ts'
import type { Inquiry } from './inquiry.ts'

/** What an entry of the ledger is checked against. */
export interface Moment {
  readonly state: string
  /** Digest of the policy in force. */
  readonly policy: string
  /** Seconds since 1970. */
  readonly now: number
}

/** Returns what the ledger's entries are checked against right now. */
export async function admittedNow(inquiry: Inquiry): Promise<Moment> {
  return { state: inquiry.places.state, policy: (await inquiry.snapshot()).digest, now: inquiry.now }
}

/**
 * Whether the ledger admits this path, as it lies in the store now, as this kind. The kind matters
 * because it decides which requirement the path met. Asks nothing but the ledger; throws FileError.
 */
export function isAdmitted(moment: Moment, path: StorePath, kind: AdmittedKind): boolean {
  return stampedEntry(moment, path)?.kind === kind
}

/**
 * Whether the ledger admits this path as it lies in the store now, as any kind except a signature.
 * For references, which do not say what kind of path they name. Throws FileError.
 */
export function isAdmittedAsAny(moment: Moment, path: StorePath): boolean {
  const entry = stampedEntry(moment, path)
  return entry !== undefined && entry.kind !== 'signature'
}

/** Whether the entry of a derivation's path admits the derivation with these contents. */
export function admitsDerivation(
  { policy, now }: Moment,
  entry: Admission,
  { narHash }: StoredDerivation,
): boolean {
  return isCurrent(entry, policy, now) && entry.kind === 'derivation' && entry.narHash === narHash
}

/**
 * Returns the outputs of a derivation if the ledger alone shows that it may be built: the
 * derivation and all its inputs are admitted as they lie in the store now. Otherwise undefined.
 * Throws FileError.
 */
export function admittedBuild(moment: Moment, drvPath: string): readonly AdmittedOutput[] | undefined {
  if (!isStorePath(drvPath)) return undefined
  const entry = stampedEntry(moment, parseStorePath(drvPath))
  const build = entry?.kind === 'derivation' ? entry.build : undefined
  if (!build?.inputs.every(input => isAsWritten(moment, input))) return undefined
  return build.outputs.map(output => ({ ...output, path: parseStorePath(output.path) }))
}

/** An output that is listed in a derivation's entry. */
export interface AdmittedOutput extends Omit<AdmittedOutcome, 'path'> {
  readonly path: StorePath
}

/**
 * Whether an input lies in the store as it did when it was recorded, or has been found unchanged
 * since.
 */
function isAsWritten(moment: Moment, { path, stamp }: { readonly path: string; readonly stamp: string }) {
  const now = stampOf(path)
  if (now === undefined || now === stamp) return now === stamp
  if (!isSameInode(now, stamp)) return false
  // The input had an entry when it was recorded, so one is known to exist.
  const entry = currentEntry(moment, parseStorePath(path), readKnownAdmission)
  return entry !== undefined && isAsAdmitted(entry, now)
}

/** Returns the current entry of a path, if the path on disk has the contents in the entry. */
function stampedEntry(moment: Moment, path: StorePath): Admission | undefined {
  const entry = currentEntry(moment, path)
  return entry !== undefined && isAsAdmitted(entry, stampOf(path.path)) ? entry : undefined
}

/**
 * Whether the admitted contents are unchanged. `now` is the path's stamp on disk. If the stamp
 * differs but the inode is the same, a small file is hashed: Nix 2.8 hard-links files into its
 * sandboxes, which changes the stamp. If the inode differs, the answer is no and the path is judged
 * again.
 */
export function isAsAdmitted({ path, stamp, narHash }: Admission, now: string | undefined): boolean {
  if (stamp === undefined || now === undefined) return false
  return now === stamp || (isSameInode(now, stamp) && isSmallFileOf(path, narHash))
}

function currentEntry(moment: Moment, path: StorePath, read = readAdmission): Admission | undefined {
  const entry = read(moment.state, path.digest, path.path)
  return entry !== undefined && isCurrent(entry, moment.policy, moment.now) ? entry : undefined
}
