/**
 * Folds lines into segments: 1,024 files become one. Several processes may do that at once, and each
 * may be killed at any point: all of them write the same bytes, and only what is on the disk as a
 * segment is unlinked as lines.
 */
import { closeSync, linkSync, lstatSync, openSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { isPartial, syncDirectory, writeWhole } from '../files/durable-file.ts'
import { namesIn } from '../files/names-in.ts'
import { partialName } from '../files/partial-name.ts'
import { foldedLines, openLine } from './append.ts'
import { SEGMENT_LINES } from './line.ts'
import { type LogPlaces, logPlaces, numberName, numberOf } from './places.ts'

/** A private file of a writer that was killed is removed after this many milliseconds. */
const LEFT_BEHIND = 3_600_000

/**
 * Folds whole segments, `most` at a time, and returns the first numbers of those that this process
 * folded. One with missing lines is folded when the log goes on behind the segment after it: each of
 * them is an empty line then, as a loss of power leaves one, so that a gap does not keep the log from
 * being bounded. Throws FileError, and errors of the system.
 */
export function foldSegments(state: string, most = Number.POSITIVE_INFINITY): readonly number[] {
  const places = logPlaces(state)
  const folded: number[] = []
  removeFolded(places)
  const numbers = new Set(namesIn(places.open).flatMap(name => numberOf(name) ?? []))
  const begin = foldedLines(places)
  const end = begin + most * SEGMENT_LINES
  for (let first = begin; first < end && isFoldable(numbers, first); first += SEGMENT_LINES) {
    // What another process folded and removed is missing as well.
    if (foldedLines(places) !== first) break
    const lines = Array.from({ length: SEGMENT_LINES }, (_, at) => lineOrGap(places, first + at))
    // Another process that folds it removes its lines when the segment is there.
    if (foldedLines(places) === first && isKept(places, first, lines)) folded.push(first)
    removeFolded(places)
  }
  removeLeftBehind(places)
  return folded
}

const EMPTY = Buffer.alloc(0)

/**
 * A line. Of one that is missing, an empty file takes the number first: else a writer that has stood
 * still for long could give the number to its line after the segment was folded without it.
 */
function lineOrGap(places: LogPlaces, number: number): Buffer {
  const line = openLine(places, number)
  if (line !== undefined) return line
  try {
    closeSync(openSync(join(places.open, numberName(number)), 'wx', 0o600))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  return openLine(places, number) ?? EMPTY
}

/** Whether lines can be folded from `first` on: by the names of those that are not. */
function isFoldable(numbers: ReadonlySet<number>, first: number): boolean {
  const present = (from: number) => {
    let count = 0
    for (let number = from; number < from + SEGMENT_LINES; number++) if (numbers.has(number)) count++
    return count
  }
  const count = present(first)
  if (count === SEGMENT_LINES) return true
  // Not across a gap that has no end near: whoever is root can give any number to a file.
  const next = first + SEGMENT_LINES
  return count > 0 && present(next) > 0 && present(next + SEGMENT_LINES) > 0
}

/** Linked, not renamed: a segment never changes. False if it was there already. */
function isKept({ segments }: LogPlaces, first: number, lines: readonly Buffer[]): boolean {
  const file = join(segments, numberName(first))
  const partial = partialName(file)
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

function removeLeftBehind({ directory, open, segments, removed, checkpoints, cosigned }: LogPlaces): void {
  const left = (where: string, is: (name: string) => boolean) =>
    namesIn(where)
      .filter(is)
      .map(name => join(where, name))
  const isPrivate = (name: string) => name.startsWith('~')
  for (const file of [
    ...left(directory, name => isPrivate(name) || isPartial(name)),
    ...left(open, isPrivate),
    ...[segments, removed, checkpoints, cosigned].flatMap(where => left(where, isPartial)),
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
