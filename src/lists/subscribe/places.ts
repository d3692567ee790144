/**
 * Where a subscriber keeps a list, below `<state>/lists/`:
 *
 *     NAME.lock           held by whoever changes something of it
 *     NAME/book           what judges read: see src/lists/book
 *     NAME/certificates/  those that the book names
 *     NAME/revoked        revocations that nobody had to agree to: see taken.ts
 *     NAME/tuf/           what was published and what was seen of it: see src/lists/tuf
 *     NAME/next/          the book of a state that is being looked at
 */
import { chmodSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { withLockIfFree } from '../../files/lock.ts'
import { assertOwnedDirectory, protectedPath } from '../../files/owned-file.ts'

/** The directory of a list, whose name is one of a policy. */
export function listPlace(state: string, name: string): string {
  return join(state, 'lists', name)
}

/**
 * Does something while nobody else changes anything of a list; undefined, and nothing is done, if
 * somebody does. Makes its directory: see makeListPlace.
 */
export async function inTurn<T>(
  directory: string,
  action: () => Promise<T>,
): Promise<{ readonly value: T } | undefined> {
  makeListPlace(directory)
  return withLockIfFree(lockOf(directory), action)
}

/** The lock of a list. */
export function lockOf(directory: string): string {
  return `${directory}.lock`
}

/** Where the book of a state lies that is being looked at. */
export function nextPlace(directory: string): string {
  return join(directory, 'next')
}

/** Where the state of TUF lies. */
export function tufPlace(directory: string): string {
  return join(directory, 'tuf')
}

/**
 * Makes a directory and the one above it (0755). Throws FileError if anybody but root or this user
 * could write there.
 */
export function makeListPlace(directory: string): void {
  for (const each of [dirname(directory), directory]) {
    const made = mkdirSync(each, { recursive: true, mode: 0o755 })
    if (made !== undefined) chmodSync(each, 0o755)
    assertOwnedDirectory(each)
  }
  protectedPath(directory)
}
