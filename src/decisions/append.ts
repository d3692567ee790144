/**
 * Appends a line without a lock: hooks, the gate, the store plugin and commands write at the same
 * time, and each may be killed at any point. A line is written under a private name and then linked
 * to its number, which succeeds for one writer alone and only with a whole line. Whoever comes
 * second reads the line that was first and takes the next number. As in nix/plugin.
 *
 * Part of the hooks' own bundle, where what is imported costs more time than what is done: so there
 * is no node:crypto and no `performance`.
 */
import {
  closeSync,
  fsyncSync,
  ftruncateSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { namesIn } from '../files/names-in.ts'
import { assertOwnedDirectory, readOwnedPresentFile, withOwnedFile } from '../files/owned-file.ts'
import { FileError } from '../files/regular-file.ts'
import { removeFile } from '../files/remove-file.ts'
import { printable } from '../primitives/printable.ts'
import { sha256 } from '../primitives/sodium.ts'
import { LINE_LIMIT, NO_LINE, type Place, printBeginning, SEGMENT_LIMIT, SEGMENT_LINES } from './line.ts'
import { greatest, type LogPlaces, logPlaces, numberName } from './places.ts'

/** Milliseconds of trying, while others are faster. */
const PATIENCE = 5000
/** Lines of others that are followed one by one before the end is looked for anew: as in chain.c. */
const WALK = 64

/** How a line is appended. */
export interface AppendOptions {
  /** Whether it is flushed to the disk before this returns. */
  readonly isDurable: boolean
  /** The identity of the machine's key, for a log that begins with this line. */
  readonly machine?: string | undefined
  /** Fails where the log has to be begun, or a segment is whole: whoever has more time does that. */
  readonly onlyIfQuick?: boolean
}

/** What was appended. */
export interface Appended {
  readonly number: number
  /** Whether there is a whole segment that should be folded: see fold.ts. */
  readonly isFoldable: boolean
}

/**
 * Appends a line, which `print` makes for its place. A log that is not there begins. Throws
 * FileError if the line cannot be written, or if somebody else could have written the log.
 */
export function appendLine(
  state: string,
  print: (place: Place) => string,
  { isDurable, machine, onlyIfQuick = false }: AppendOptions,
): Appended {
  const places = logPlaces(state)
  const until = now() + PATIENCE
  try {
    assertPlaces(places, onlyIfQuick ? 'as it is' : 'made')
    for (let end = nearEnd(places) ?? endOf(places); now() < until; ) {
      const isBeginning = end.number === 0
      if (onlyIfQuick && isUntidy(end)) throw new FileError(NOT_QUICK)
      const line = isBeginning ? (place: Place) => beginning(place, machine) : print
      const taken =
        end.previous === undefined
          ? undefined
          : link(places, end, { line, until, isDurable: isDurable || isBeginning })
      if (taken !== undefined && !isBeginning) return taken
      end = endOf(places)
    }
  } catch (error) {
    if (error instanceof FileError) throw error
    throw new FileError(`cannot write the decision log: ${printable((error as Error).message)}`)
  }
  const problem = `other programs wrote to it first for ${PATIENCE / 1000} seconds, or a line is missing`
  throw new FileError(`cannot write to ${printable(places.directory)}: ${problem} (nixsig log verify)`)
}

/** Whether it has to be begun, or lines were left as files of their own for longer than they should. */
function isUntidy({ number, folded }: End): boolean {
  return number % SEGMENT_LINES === 0 || number >= folded + 2 * SEGMENT_LINES
}

const NOT_QUICK = 'the decision log has to be begun, or its lines folded, first'

/** Milliseconds on a clock that nobody sets. */
function now(): number {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1e3 + nanoseconds / 1e6
}

function beginning(place: Place, machine: string | undefined): string {
  return printBeginning(place, { log: hex(random(16)), machine })
}

/** The lower-case hex SHA-256 of a line's bytes. */
export function digestOf(line: Uint8Array): string {
  return hex(sha256(line))
}

function hex({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('hex')
}

/** From the kernel: the hooks' sodium has no generator. */
function random(count: number): Uint8Array {
  const bytes = new Uint8Array(count)
  const fd = openSync('/dev/urandom', 'r')
  try {
    if (readSync(fd, bytes) !== count) throw new FileError('/dev/urandom gave too little')
    return bytes
  } finally {
    closeSync(fd)
  }
}

/** Each is looked at before anything is made in it. */
function assertPlaces({ directory, open, segments }: LogPlaces, use: 'as it is' | 'made'): void {
  for (const each of [directory, open, segments]) {
    if (use === 'made' && lstatSync(each, { throwIfNoEntry: false }) === undefined)
      mkdirSync(each, { recursive: true, mode: 0o700 })
    assertOwnedDirectory(each)
  }
}

/** The last line that this process wrote, by directory: the end is there or not far from there. */
const written = new Map<string, Pick<End, 'number' | 'folded'>>()

/** The line after the last one of this process, if that is still a file of its own. */
function nearEnd(places: LogPlaces): End | undefined {
  const last = written.get(places.directory)
  const line = last && openLine(places, last.number)
  return last && line && { ...last, number: last.number + 1, previous: digestOf(line) }
}

/** Where the next line goes; `previous` is undefined if the line before it went away meanwhile. */
interface End {
  readonly number: number
  readonly previous: string | undefined
  /** How many lines are in segments, or were before those were removed. */
  readonly folded: number
}

/** The greatest number counts, so that a missing line stays a missing line. */
function endOf(places: LogPlaces): End {
  const last = greatest(namesIn(places.open))
  const folded = foldedLines(places)
  const number = Math.max(last + 1, folded)
  if (number === 0) return { number, previous: NO_LINE, folded }
  const line = openLine(places, number - 1) ?? lastFolded(places, number)
  return { number, previous: line && digestOf(line), folded }
}

/** How many lines were folded into segments; the newest segment is never removed. */
export function foldedLines({ segments }: LogPlaces): number {
  const newest = greatest(namesIn(segments))
  return newest < 0 ? 0 : newest + SEGMENT_LINES
}

/** The bytes of a line that is not folded; undefined if there is none. Throws FileError. */
export function openLine({ open }: LogPlaces, number: number): Buffer | undefined {
  return readOwnedPresentFile(join(open, numberName(number)), LINE_LIMIT)
}

/** The last line of the segment before a number, if a segment begins with that. */
function lastFolded({ segments }: LogPlaces, number: number): Buffer | undefined {
  if (number % SEGMENT_LINES !== 0) return undefined
  return withOwnedFile(join(segments, numberName(number - SEGMENT_LINES)), (fd, size) => {
    const length = Math.min(size, LINE_LIMIT + 2)
    const tail = Buffer.alloc(length)
    readSync(fd, tail, 0, length, size - length)
    const end = tail.at(-1) === LINE_FEED ? length - 1 : length
    return tail.subarray(end === 0 ? 0 : tail.lastIndexOf(LINE_FEED, end - 1) + 1, end)
  })
}

const LINE_FEED = 10

interface Linking {
  readonly line: (place: Place) => string
  readonly until: number
  readonly isDurable: boolean
}

/**
 * Links a line to the first number that is free from `end` on. Undefined if it has to be looked for
 * anew, as lines were folded meanwhile, or others wrote many.
 */
function link(places: LogPlaces, end: End, { line, until, isDurable }: Linking): Appended | undefined {
  const name = join(places.directory, `~${process.pid}-${process.hrtime.bigint()}`)
  const fd = openSync(name, 'wx', 0o600)
  let isNamed = true
  try {
    let { number, previous } = end
    // A line that begins a log has no other place: it is another line that goes behind.
    const most = number === 0 ? 0 : WALK
    for (let steps = 0; steps <= most && previous !== undefined && now() < until; steps++) {
      const bytes = Buffer.from(line({ number, previous, time: Date.now() }), 'latin1')
      if (bytes.length > LINE_LIMIT) throw new FileError(`a line of ${bytes.length} bytes`)
      overwrite(fd, bytes)
      if (isLinked(name, join(places.open, numberName(number)))) {
        if (!isAtEnd(places, number, bytes)) return undefined
        removeFile(name)
        isNamed = false
        const isFull = (lines: number) => number + 1 >= lines + SEGMENT_LINES
        const folded = isFull(end.folded) ? foldedLines(places) : end.folded
        written.set(places.directory, { number, folded })
        if (isDurable) fsyncSync(fd)
        return { number, isFoldable: isFull(folded) }
      }
      const first = openLine(places, number++)
      previous = first && digestOf(first)
    }
    return undefined
  } finally {
    closeSync(fd)
    if (isNamed) removeFile(name)
  }
}

function overwrite(fd: number, bytes: Buffer): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, bytes.length - done, done)
  ftruncateSync(fd, bytes.length)
}

/** False if the number is taken. */
function isLinked(name: string, number: string): boolean {
  try {
    linkSync(name, number)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

/**
 * Whether a line that was linked is one of the log. A writer that stood still for long may have
 * taken a number that was folded, and so became free, meanwhile: then it is removed again. Only the
 * segments tell: the line before may be a stray as well. The newest segment is never removed.
 */
function isAtEnd(places: LogPlaces, number: number, bytes: Buffer): boolean {
  if (foldedLines(places) <= number || isFolded(places, number, bytes)) return true
  // Whoever folds may have removed it already.
  removeFile(join(places.open, numberName(number)))
  return false
}

function isFolded({ segments }: LogPlaces, number: number, bytes: Buffer): boolean {
  const first = number - (number % SEGMENT_LINES)
  const segment = readOwnedPresentFile(join(segments, numberName(first)), SEGMENT_LIMIT)
  if (segment === undefined) return false
  return segment.toString('latin1').split('\n')[number - first] === bytes.toString('latin1')
}
