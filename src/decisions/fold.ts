/**
 * Folds lines into segments: 1,024 files become one. Several processes may do that at once, and each
 * may be killed at any point: all of them write the same bytes, and only what is on the disk as a
 * segment is unlinked as lines.
 */
import { linkSync, lstatSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { isPartial, syncDirectory, writeWhole } from '../files/durable-file.ts'
import { namesIn } from '../files/names-in.ts'
import { foldedLines, openLine } from './append.ts'
import { SEGMENT_LINES } from './line.ts'
import { type LogPlaces, logPlaces, numberName, numberOf } from './places.ts'

/** A private file of a writer that was killed is removed after this many milliseconds. */
const LEFT_BEHIND = 3_600_000

/**
 * Folds every whole segment, and returns the first numbers of those that this process folded. A
 * segment with a missing line stays as it is. Throws FileError, and errors of the system.
 */
export function foldSegments(state: string): readonly number[] {
  const places = logPlaces(state)
  const folded: number[] = []
  removeFolded(places)
  for (let first = foldedLines(places); ; first += SEGMENT_LINES) {
    const lines = wholeSegment(places, first)
    if (lines === undefined) break
    if (isKept(places, first, lines)) folded.push(first)
    removeFolded(places)
  }
  removeLeftBehind(places)
  return folded
}

function wholeSegment(places: LogPlaces, first: number): readonly Buffer[] | undefined {
  const lines: Buffer[] = []
  // Looked for from its end: a segment that is not full is the usual case.
  if (openLine(places, first + SEGMENT_LINES - 1) === undefined) return undefined
  for (let number = first; number < first + SEGMENT_LINES; number++) {
    const line = openLine(places, number)
    if (line === undefined) return undefined
    lines.push(line)
  }
  return lines
}

/** Linked, not renamed: a segment never changes. False if it was there already. */
function isKept({ segments }: LogPlaces, first: number, lines: readonly Buffer[]): boolean {
  const file = join(segments, numberName(first))
  const partial = `${file}.${process.pid}~`
  writeWhole(partial, Buffer.concat(lines.flatMap(line => [inOneLine(line), LINE_BREAK])), { flush: true })
  try {
    linkSync(partial, file)
    syncDirectory(segments)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    return false
  } finally {
    unlinkSync(partial)
  }
}

const LINE_BREAK = Buffer.from('\n')

/** No line has a line break; one that was damaged may, and must not become two. */
function inOneLine(line: Buffer): Buffer {
  return line.includes(10) ? Buffer.from(line.map(byte => (byte === 10 ? 0 : byte))) : line
}

/** In ascending order, as append.ts relies on. */
function removeFolded(places: LogPlaces): void {
  const end = foldedLines(places)
  const numbers = namesIn(places.open).flatMap(name => numberOf(name) ?? [])
  const folded = numbers.filter(number => number < end).sort((one, other) => one - other)
  for (const number of folded) removeIfThere(join(places.open, numberName(number)))
}

function removeLeftBehind({ directory, segments }: LogPlaces): void {
  const own = namesIn(directory).filter(name => name.startsWith('~'))
  const others = namesIn(segments).filter(isPartial)
  for (const file of [
    ...own.map(name => join(directory, name)),
    ...others.map(name => join(segments, name)),
  ]) {
    const changed = lstatSync(file, { throwIfNoEntry: false })?.mtimeMs ?? Number.POSITIVE_INFINITY
    if (changed < Date.now() - LEFT_BEHIND) removeIfThere(file)
  }
}

function removeIfThere(file: string): void {
  try {
    unlinkSync(file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}
