/**
 * How much the quarantine keeps. Anybody who can build can have outputs refused, so the number of
 * entries and their size are limited.
 */
import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { FileError } from '../files/regular-file.ts'
import { entryDirectory, hasContent, isFinished, listEntries, readNarSize, removeEntry } from './entries.ts'
import type { QuarantineEntry } from './entry.ts'

/** Limits of the quarantine. */
export interface Room {
  /** The most entries. */
  readonly entries: number
  /** The most bytes of all entries together, with their contents counted as NARs. */
  readonly bytes: number
}

const GIB = 1024 ** 3
const ROOM: Room = { entries: 1024, bytes: 8 * GIB }

/**
 * The most references of a path whose content is kept. They are in its entry, which stays small.
 */
const REFERENCES_LIMIT = 2000

/** Why a path is deleted and not kept. */
export const NO_ROOM = `the quarantine keeps at most ${ROOM.entries} paths of ${ROOM.bytes / GIB} GiB together, with at most ${REFERENCES_LIMIT} references each`

/** Whether the content of a path may be kept at all. */
export function mayBeKept({ narSize, references }: QuarantineEntry): boolean {
  return narSize < ROOM.bytes && references.length <= REFERENCES_LIMIT
}

/**
 * Deletes the oldest entries until the others are within the limits. Entries that are still being
 * moved stay, and count. The caller must hold the lock.
 */
export function makeRoom(state: string, room = ROOM): void {
  let left = room
  for (const id of listEntries(state).toReversed()) {
    const bytes = sizeOf(state, id)
    if (isFinished(state, id) && (left.entries < 1 || left.bytes < bytes)) removeEntry(state, id)
    else left = { entries: left.entries - 1, bytes: left.bytes - bytes }
  }
}

/** Bytes of an entry: those of its file, and the NAR size of its content. */
function sizeOf(state: string, id: string): number {
  const file = join(entryDirectory(state, id), 'entry.json')
  const size = lstatSync(file, { throwIfNoEntry: false })?.size ?? 0
  return hasContent(state, id) ? size + narSizeOf(state, id) : size
}

function narSizeOf(state: string, id: string): number {
  try {
    return readNarSize(state, id) ?? 0
  } catch (error) {
    // Left for people to look at; it counts as an entry.
    if (error instanceof FileError) return 0
    throw error
  }
}
