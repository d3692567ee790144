/** Reads the lines of a log as they lie on the disk, whoever writes meanwhile. */
import { join } from 'node:path'
import { namesIn } from '../files/names-in.ts'
import { readOwnedFile } from '../files/owned-file.ts'
import { foldedLines, openLine } from './append.ts'
import { SEGMENT_LIMIT, SEGMENT_LINES } from './line.ts'
import { greatest, type LogPlaces, numberName, numberOf } from './places.ts'

/** A line as it lies there: its bytes without a line break; undefined if there is none. */
export interface RawLine {
  readonly number: number
  readonly bytes: Buffer | undefined
}

/** One more than the number of the last line; 0 for a log without any. */
export function lengthOf(places: LogPlaces): number {
  return Math.max(greatest(namesIn(places.open)) + 1, foldedLines(places))
}

/**
 * The lines from a number on, in their order, up to the last one at the time of the call. Of a gap
 * that is larger than a segment the first numbers come alone: whoever is root can give any number to
 * a file. Throws FileError.
 */
export function* linesFrom(places: LogPlaces, from: number): Generator<RawLine> {
  const end = lengthOf(places)
  let present: readonly number[] | undefined
  for (let number = from; number < end; ) {
    const first = number - (number % SEGMENT_LINES)
    const segment = number < foldedLines(places) ? segmentLines(places, first) : undefined
    const until = Math.min(end, first + SEGMENT_LINES)
    let isEmpty = segment === undefined
    for (; number < until; number++) {
      const bytes = segment === undefined ? lineNow(places, number) : segment[number - first]
      if (bytes !== undefined) isEmpty = false
      yield { number, bytes }
    }
    if (!isEmpty) continue
    present ??= presentNumbers(places)
    number = firstFrom(present, number) ?? end
  }
}

/** The numbers that name a line or a segment, in ascending order. */
function presentNumbers({ open, segments }: LogPlaces): readonly number[] {
  return [...namesIn(open), ...namesIn(segments)]
    .flatMap(name => numberOf(name) ?? [])
    .sort((one, other) => one - other)
}

/** The first of ascending numbers that is not below another. */
function firstFrom(numbers: readonly number[], least: number): number | undefined {
  let [low, high] = [0, numbers.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((numbers[middle] ?? least) < least) low = middle + 1
    else high = middle
  }
  return numbers[low]
}

/** A line that is not folded, or was folded just now. */
function lineNow(places: LogPlaces, number: number): Buffer | undefined {
  const open = openLine(places, number)
  if (open !== undefined || number >= foldedLines(places)) return open
  const first = number - (number % SEGMENT_LINES)
  return segmentLines(places, first)?.[number - first]
}

/** The lines of a segment; undefined if it is not there. More than 1,024 are cut off. */
export function segmentLines({ segments }: LogPlaces, first: number): readonly Buffer[] | undefined {
  const bytes = readOwnedFile(join(segments, numberName(first)), SEGMENT_LIMIT)
  if (bytes === undefined) return undefined
  const lines: Buffer[] = []
  for (let at = 0; at < bytes.length && lines.length < SEGMENT_LINES; ) {
    const end = bytes.indexOf(10, at)
    lines.push(bytes.subarray(at, end < 0 ? bytes.length : end))
    at = end < 0 ? bytes.length : end + 1
  }
  return lines
}

/** The first numbers of the segments, in ascending order. */
export function segmentsOf({ segments }: LogPlaces): readonly number[] {
  return namesIn(segments)
    .flatMap(name => numberOf(name) ?? [])
    .sort((one, other) => one - other)
}
