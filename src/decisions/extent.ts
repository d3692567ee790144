/** How large the decision log is, and when it was last written: by names and sizes, nothing is read. */
import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { readableNamesIn } from '../files/names-in.ts'
import { SEGMENT_LINES } from './line.ts'
import { greatest, logPlaces, numberOf } from './places.ts'

/** Of a log that has a line. */
export interface LogExtent {
  /** Lines that were ever written: one more than the number of the last. */
  readonly lines: number
  /** What the lines that are left take up. */
  readonly bytes: number
  /** When the last line was written, in seconds since 1970. */
  readonly written: number
}

/** The extent of the log in a state directory; undefined if there is none, or it cannot be looked at. */
export function logExtent(state: string): LogExtent | undefined {
  const { open, segments } = logPlaces(state)
  const opened = measured(open)
  const folded = measured(segments)
  const lines = Math.max(opened.last + 1, folded.last < 0 ? 0 : folded.last + SEGMENT_LINES)
  if (lines === 0) return undefined
  // A segment is a copy of lines: its time is that of folding.
  const written = opened.last < 0 ? folded.written : opened.written
  return { lines, bytes: opened.bytes + folded.bytes, written: Math.floor(written / 1000) }
}

/** The greatest number among a directory's files, when that one was written, and the bytes of all. */
function measured(directory: string): {
  readonly last: number
  readonly bytes: number
  readonly written: number
} {
  const names = readableNamesIn(directory)
  const last = greatest(names)
  let bytes = 0
  let written = 0
  for (const name of names) {
    const number = numberOf(name)
    const found =
      number === undefined ? undefined : lstatSync(join(directory, name), { throwIfNoEntry: false })
    if (found === undefined) continue
    bytes += found.size
    if (number === last) written = found.mtimeMs
  }
  return { last, bytes, written }
}
