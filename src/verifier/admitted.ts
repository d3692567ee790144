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

/** What an entry of the ledger is held against. */
export interface Moment {
  readonly state: string
  /** Digest of the policy in force. */
  readonly policy: string
  /** Seconds since 1970. */
  readonly now: number
}

/** What the ledger's entries are held against right now. */
export async function admittedNow(inquiry: Inquiry): Promise<Moment> {
  return { state: inquiry.places.state, policy: (await inquiry.snapshot()).digest, now: inquiry.now }
}

/**
 * Whether the ledger has this path as it lies in the store now, as something of this kind: as what it was admitted says
 * which requirement it met. Asks nobody else; throws FileError.
 */
export function isAdmitted(moment: Moment, path: StorePath, kind: AdmittedKind): boolean {
  return stampedEntry(moment, path)?.kind === kind
}

/** The same, whatever it was admitted as but a signature: for what is used without a word of what it is. */
export function isAdmittedAsAny(moment: Moment, path: StorePath): boolean {
  const entry = stampedEntry(moment, path)
  return entry !== undefined && entry.kind !== 'signature'
}

/** Whether the entry of a derivation's path admits it with these contents. */
export function admitsDerivation(
  { policy, now }: Moment,
  entry: Admission,
  { narHash }: StoredDerivation,
): boolean {
  return isCurrent(entry, policy, now) && entry.kind === 'derivation' && entry.narHash === narHash
}

/**
 * The outputs of a derivation that may be built, by the ledger's word alone: it has the derivation as it lies in the
 * store, with all that it is built from, as that lies in the store. Undefined: it does not. Throws FileError.
 */
export function admittedBuild(moment: Moment, drvPath: string): readonly AdmittedOutput[] | undefined {
  if (!isStorePath(drvPath)) return undefined
  const entry = stampedEntry(moment, parseStorePath(drvPath))
  const build = entry?.kind === 'derivation' ? entry.build : undefined
  if (!build?.inputs.every(input => isAsWritten(moment, input))) return undefined
  return build.outputs.map(output => ({ ...output, path: parseStorePath(output.path) }))
}

/** An output that the ledger names. */
export interface AdmittedOutput extends Omit<AdmittedOutcome, 'path'> {
  readonly path: StorePath
}

/** Whether an input lies in the store as it did when it was written down, or has been found to be the same since. */
function isAsWritten(moment: Moment, { path, stamp }: { readonly path: string; readonly stamp: string }) {
  const now = stampOf(path)
  if (now === undefined || now === stamp) return now === stamp
  if (!isSameInode(now, stamp)) return false
  // It had one when it was written down.
  const entry = currentEntry(moment, parseStorePath(path), readKnownAdmission)
  return entry !== undefined && isAsAdmitted(entry, now)
}

/** The current entry of a path that has, as it lies on the disk, the contents of the entry. */
function stampedEntry(moment: Moment, path: StorePath): Admission | undefined {
  const entry = currentEntry(moment, path)
  return entry !== undefined && isAsAdmitted(entry, stampOf(path.path)) ? entry : undefined
}

/**
 * Whether nothing changed what was admitted; a small file is hashed where its stamp leaves that open, for Nix 2.8 links
 * files into its sandboxes, which changes the stamp. Another inode is for those who judge. `now` is its stamp on the disk.
 */
function isAsAdmitted({ path, stamp, narHash }: Admission, now: string | undefined): boolean {
  if (stamp === undefined || now === undefined) return false
  return now === stamp || (isSameInode(now, stamp) && isSmallFileOf(path, narHash))
}

function currentEntry(moment: Moment, path: StorePath, read = readAdmission): Admission | undefined {
  const entry = read(moment.state, path.digest, path.path)
  return entry !== undefined && isCurrent(entry, moment.policy, moment.now) ? entry : undefined
}
