/** What is known here of a list, without asking anybody: for those who look at it. */
import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import type { TufRoot } from '../../formats/lists/tuf-signed.ts'
import type { Book } from '../../policy/lists/book.ts'
import { openBook } from '../book/read.ts'
import { openTufStore } from '../tuf/store.ts'
import { type ReadList, readInForce, readWaiting } from '../tuf/update.ts'
import { type Contents, contentsOf, isUnreadable } from './contents.ts'
import { differenceOf, type ListDifference } from './difference.ts'
import { tufPlace } from './places.ts'
import { beforeOf } from './taken.ts'

/** A list as it is kept here. */
export interface KeptHere {
  /** Undefined if it was never subscribed to here. */
  readonly root: TufRoot | undefined
  /** SHA-256 of its first root's file. */
  readonly fingerprint: string | undefined
  /** What was accepted last. */
  readonly contents: Contents | undefined
  /** What waits for somebody to agree, if it differs. */
  readonly waiting: { readonly contents: Contents; readonly difference: ListDifference } | undefined
  /** The book in force, or why it cannot be read. */
  readonly book: Book | { readonly problem: string }
}

/** Reads the directory of a list that the user calls `name`. Throws FileError and FormatError. */
export function keptHere(directory: string, name: string): Promise<KeptHere> {
  return untilSettled(directory, () => readKept(directory, name))
}

/**
 * Reads, and once more if an update changed what is kept meanwhile: whoever looks holds no lock, and
 * an update removes what the state before had.
 */
async function untilSettled<T>(directory: string, read: () => Promise<T>): Promise<T> {
  const before = changesOf(directory)
  const first = read()
  await Promise.allSettled([first])
  return changesOf(directory) === before ? first : read()
}

/** Another text after each change of which state is in force, and which waits. */
function changesOf(directory: string): string {
  const files = ['tuf/metadata/timestamp.json', 'tuf/waiting/metadata/timestamp.json', 'book']
  const status = files.map(file => lstatSync(join(directory, file), { bigint: true, throwIfNoEntry: false }))
  return status.map(each => `${each?.ino} ${each?.mtimeNs}`).join()
}

async function readKept(directory: string, name: string): Promise<KeptHere> {
  const store = openTufStore(tufPlace(directory))
  const accepted = await readInForce(store)
  const contents = accepted && (await contentsOf(accepted))
  const waits = await readWaiting(store)
  const newer = waits && (await contentsOf(waits))
  const waiting = newer && {
    contents: newer,
    difference: differenceOf(name, contents && beforeOf(directory, contents, newer), newer),
  }
  return {
    root: store.root(),
    fingerprint: store.fingerprint(),
    contents,
    waiting: waiting && isChange(waiting.difference) ? waiting : undefined,
    book: bookOf(directory, name),
  }
}

/** The version that waits, as far as it differs from the one in force; undefined if none does. */
export function waitingVersion(directory: string): Promise<number | undefined> {
  return untilSettled(directory, () => readWaitingVersion(directory))
}

async function readWaitingVersion(directory: string): Promise<number | undefined> {
  const store = openTufStore(tufPlace(directory))
  const [waiting, accepted] = [await readWaiting(store), await readInForce(store)]
  if (waiting === undefined) return undefined
  const same = accepted !== undefined && versionsOf(accepted) === versionsOf(waiting)
  return same ? undefined : waiting.targets.version
}

function versionsOf({ targets, teams }: ReadList): string {
  return JSON.stringify([targets.version, ...[...teams].map(([role, { version }]) => [role, version])])
}

function isChange({ changes, developers, from, to }: ListDifference): boolean {
  return from !== to || changes.length > 0 || developers.others.length > 0
}

function bookOf(directory: string, name: string): KeptHere['book'] {
  try {
    return openBook(join(directory, 'book'), name)
  } catch (error) {
    if (isUnreadable(error)) return { problem: error.message }
    throw error
  }
}
