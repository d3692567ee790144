/** Keeps the log below its size: the oldest segment goes first, and what it was made of stays. */
import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { FileError } from '../files/regular-file.ts'
import { removeFile } from '../files/remove-file.ts'
import { printable } from '../primitives/printable.ts'
import { SEGMENT_LINES } from './line.ts'
import { type LogPlaces, logPlaces, numberName } from './places.ts'
import { segmentLines, segmentsOf } from './read.ts'
import { assertNotCut, readRemoved, withSegment, writeRemoved } from './removed.ts'

/**
 * Removes the oldest segments until those that are left have at most `size` bytes; never the newest.
 * Returns how many lines went. Throws FileError if one that has to go is damaged, so that what it was
 * made of cannot be noted; FormatError; and errors of the system.
 */
export function limitSize(state: string, size: number): number {
  const places = logPlaces(state)
  const segments = segmentsOf(places)
  // What looks as if it had been removed before was written since then.
  assertNotCut(places)
  const sizes = segments.map(first => sizeOf(places, first))
  let total = sizes.reduce((sum, one) => sum + one, 0)
  let gone = 0
  for (const [index, first] of segments.slice(0, -1).entries()) {
    const isGone = () => first + SEGMENT_LINES <= readRemoved(places).lines
    if (!isGone() && total <= size) break
    // Another process may have removed it meanwhile.
    if (!isGone() && !isNoted(places, first) && !isGone())
      throw new FileError(
        `${printable(join(places.segments, numberName(first)))} is damaged, or lines before it are missing, so that it cannot go although the log is full: nixsig log verify`,
      )
    removeFile(join(places.segments, numberName(first)))
    total -= sizes[index] ?? 0
    gone += SEGMENT_LINES
  }
  return gone
}

function sizeOf({ segments }: LogPlaces, first: number): number {
  return lstatSync(join(segments, numberName(first)), { throwIfNoEntry: false })?.size ?? 0
}

/** Notes what a segment was made of, before it goes. False if it is not the next one to go. */
function isNoted(places: LogPlaces, first: number): boolean {
  const removed = readRemoved(places)
  const lines = segmentLines(places, first)
  if (removed.lines !== first || lines?.length !== SEGMENT_LINES) return false
  writeRemoved(places, withSegment(removed, lines))
  return true
}
