/** Goes through the whole ledger, entry after entry, in bounded memory. */
import { opendirSync } from 'node:fs'
import { join } from 'node:path'
import { isPartial } from '../files/durable-file.ts'
import { readOwnedPresentFile, wholeRecord } from '../files/owned-file.ts'
import { FileError } from '../files/regular-file.ts'
import { isStorePath, parseStorePath } from '../formats/nix/store-path.ts'
import { parseAdmission } from './admission-text.ts'
import { type Admission, ENTRY_LIMIT, isOnlySeen } from './admissions.ts'

/** An entry, or why one cannot be read. */
export type LedgerEntry = Admission | { readonly problem: string }

/** The path with which an entry of any format begins. */
const PATH = /^nixsig\d+ (\S+) /

/**
 * Yields the entries of the ledger, current and stale, each once, in the order of the directory. A
 * file that is no entry of its own path is a problem. Entries of refused paths, which have nothing
 * but what was seen, are left out. Throws a system error if a directory cannot be read.
 */
export function* allAdmissions(state: string): Generator<LedgerEntry> {
  const ledger = join(state, 'ledger')
  for (const shard of namesOf(ledger)) {
    for (const name of namesOf(join(ledger, shard))) {
      const entry = entryIn(join(ledger, shard, name), name)
      if (entry !== undefined && ('problem' in entry || !isOnlySeen(entry))) yield entry
    }
  }
}

function* namesOf(directory: string): Generator<string> {
  for (const { name } of entriesOf(directory)) if (!isPartial(name)) yield name
}

function* entriesOf(directory: string) {
  const open = opened(directory)
  if (open === undefined) return
  try {
    for (let entry = open.readSync(); entry !== null; entry = open.readSync()) yield entry
  } finally {
    open.closeSync()
  }
}

/** Undefined where there is no such directory. */
function opened(directory: string) {
  try {
    return opendirSync(directory, { bufferSize: 512 })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw error
  }
}

/** Undefined where it went away, or a power failure left no whole record. */
function entryIn(file: string, digest: string): LedgerEntry | undefined {
  try {
    const text = wholeRecord(readOwnedPresentFile(file, ENTRY_LIMIT))
    if (text === undefined) return undefined
    const [, path = ''] = PATH.exec(text) ?? []
    const isOwn = isStorePath(path) && parseStorePath(path).digest === digest
    return parseAdmission(text, isOwn ? path : '', file)
  } catch (error) {
    if (error instanceof FileError) return { problem: error.message }
    throw error
  }
}
