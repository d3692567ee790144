/**
 * What this machine admitted: one small file for each store path, found by the path's hash part
 * alone.
 */
import { join } from 'node:path'
import { type WriteOptions, writeDurably } from '../files/durable-file.ts'
import { readOwnedFile, readOwnedPresentFile, wholeRecord } from '../files/owned-file.ts'
import type { Admission } from './admission.ts'
import { parseAdmission, printAdmission } from './admission-text.ts'

export type * from './admission.ts'
export { isCurrent, isOnlySeen, NO_POLICY, WARNED } from './admission.ts'

/** The most bytes of one entry. */
export const ENTRY_LIMIT = 256 * 1024

/** Returns the file of a path's entry. `digest` is the 32-character hash part of the store path. */
export function entryFile(state: string, digest: string): string {
  return join(state, 'ledger', digest.slice(0, 2), digest)
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

function admissionIn(file: string, path: string, read: typeof readOwnedFile): Admission | undefined {
  const text = wholeRecord(read(file, ENTRY_LIMIT))
  return text === undefined ? undefined : parseAdmission(text, path, file)
}
