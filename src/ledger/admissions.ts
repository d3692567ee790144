/**
 * What this machine admitted: one small file for each store path, found by the path's hash part
 * alone.
 */
import { type WriteOptions, writeDurably } from '../files/durable-file.ts'
import {
  readOwnedFile,
  readOwnedFileAndStatus,
  readOwnedPresentFile,
  wholeRecord,
} from '../files/owned-file.ts'
import type { Admission } from './admission.ts'
import { parseAdmission, printAdmission } from './admission-text.ts'
import { versionIn } from './stamp.ts'

export type * from './admission.ts'
export { isCurrent, isLetIn, isOnlySeen, NO_POLICY, RESPITED, WARNED } from './admission.ts'

/** The most bytes of one entry. */
export const ENTRY_LIMIT = 256 * 1024

/** Returns the file of a path's entry. `digest` is the 32-character hash part of the store path. */
export function entryFile(state: string, digest: string): string {
  // Called for each path of an audit, and join() takes longer than to look at the file.
  return `${state}/ledger/${digest.slice(0, 2)}/${digest}`
}

/** Writes or replaces the entry of a path. By default it is flushed to disk when this returns. */
export function writeAdmission(
  state: string,
  digest: string,
  admission: Admission,
  options: Pick<WriteOptions, 'flush'> = { flush: true },
): void {
  writeDurably(entryFile(state, digest), printAdmission(admission), options)
}

/**
 * Reads the entry of a path, current or stale; undefined if there is none, or if it was lost in a
 * power failure. Throws FileError if others could have written the file, or if it is not an entry
 * of this path.
 */
export function readAdmission(state: string, digest: string, path: string): Admission | undefined {
  return admissionIn(entryFile(state, digest), path, readOwnedFile)
}

/** Reads an entry as `readAdmission` does; faster if the entry exists. */
export function readKnownAdmission(state: string, digest: string, path: string): Admission | undefined {
  return admissionIn(entryFile(state, digest), path, readOwnedPresentFile)
}

/**
 * Reads an entry as `readKnownAdmission` does, with the version of its file (versionOf in stamp.ts):
 * while the file has that, it says the same. Undefined if there is no file; `entry` is undefined if
 * it was lost in a power failure.
 */
export function readVersionedAdmission(
  state: string,
  digest: string,
  path: string,
): { readonly version: string; readonly entry: Admission | undefined } | undefined {
  const file = entryFile(state, digest)
  const read = readOwnedFileAndStatus(file, ENTRY_LIMIT)
  if (read === undefined) return undefined
  const text = wholeRecord(read.bytes)
  return {
    version: versionIn(read.status),
    entry: text === undefined ? undefined : parseAdmission(text, path, file),
  }
}

function admissionIn(file: string, path: string, read: typeof readOwnedFile): Admission | undefined {
  const text = wholeRecord(read(file, ENTRY_LIMIT))
  return text === undefined ? undefined : parseAdmission(text, path, file)
}
