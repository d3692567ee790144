/** What is in force of a list: the state that was accepted last, and its book. */
import { join } from 'node:path'
import { FileError } from '../../files/regular-file.ts'
import type { Book, ListUpdates } from '../../policy/lists/book.ts'
import type { Instant } from '../../policy/policy.ts'
import { checkBook } from '../book/check.ts'
import { digestOfBook, writeBook } from '../book/write.ts'
import type { TufStore } from '../tuf/store.ts'
import { type KeptList, type ReadList, readInForce, readWaiting } from '../tuf/update.ts'
import { type Contents, contentsOf, isUnreadable } from './contents.ts'
import { besides, both, keepTaken, type Revoked, readTaken, revokedBy, withRevoked } from './taken.ts'

/** A list as it is kept here. */
export interface ListHere {
  /** What the policy calls it. */
  readonly name: string
  /** `<state>/lists/NAME`: see places.ts. */
  readonly directory: string
}

/**
 * Makes the book say what was accepted, with the revocations of the state that waits and those that
 * were taken at once before. Returns whether it said something else before: an update was
 * interrupted, or there are new revocations. `seen`: when that state was the newest, if it was just
 * read. `revoked`: to be taken as well.
 */
export async function settle(
  kept: ListHere & Pick<ListUpdates, 'revocations'>,
  store: TufStore,
  { seen, revoked: more = new Map() }: { readonly seen?: Instant; readonly revoked?: Revoked },
): Promise<boolean> {
  const { name, directory, revocations } = kept
  const { state, contents } = await inForceOf(store)
  if (state === undefined || contents === undefined) return false
  const waiting = revocations === 'at-once' ? await readWaiting(store) : undefined
  const newer = waiting && (await readableContents(waiting))
  const taken = both(both(readTaken(directory), more), newer === undefined ? new Map() : revokedBy(newer))
  const revoked = besides(contents, taken)
  const { parts, version } = withRevoked(contents, revoked)
  // First of all: nothing that the book says is gone after a crash.
  keepTaken(directory, revoked)
  const old = bookHere(kept)
  const digest = digestOfBook({ name, parts })
  // What waits was seen to be the newest, and all that it revokes is in force.
  const ends = waiting && newer ? Math.min(waiting.newestUntil, state.targets.expires) : state.ends
  const fresh = (newer && seen) ?? old?.seen ?? seenBy(store)
  if (old?.digest === digest && old.ends === ends && old.seen === fresh) return false
  writeBook(directory, { name, parts, version, ends, seen: fresh })
  return old?.digest !== digest
}

/** What a state says; undefined if it cannot be read. What was taken from it stays in force. */
async function readableContents(state: ReadList): Promise<Contents | undefined> {
  try {
    return await contentsOf(state)
  } catch (error) {
    if (isUnreadable(error)) return undefined
    throw error
  }
}

/** What was accepted; nothing of it if it is damaged, and then everything that comes is new. */
export async function inForceOf(
  store: TufStore,
): Promise<{ readonly state: KeptList | undefined; readonly contents: Contents | undefined }> {
  try {
    const state = await readInForce(store)
    return { state, contents: state && (await contentsOf(state)) }
  } catch (error) {
    if (!isUnreadable(error)) throw error
    return { state: undefined, contents: undefined }
  }
}

/** The book in force, all of it read; undefined if it is absent or damaged anywhere. */
export function bookHere({ name, directory }: ListHere): Book | undefined {
  try {
    return checkBook(join(directory, 'book'), name)
  } catch (error) {
    if (isUnreadable(error)) return undefined
    throw error
  }
}

/** The latest time that was seen at an update of this list. */
export function seenBy(store: TufStore): Instant {
  try {
    return store.floor().seen
  } catch (error) {
    if (error instanceof FileError) return 0
    throw error
  }
}
