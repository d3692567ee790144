/** Follows the chain of lines, and tells where it is broken. */
import { FormatError } from '../primitives/format-error.ts'
import { digestOf } from './append.ts'
import { type Line, parseLine } from './parse-line.ts'
import type { LogPlaces } from './places.ts'
import { linesFrom, type RawLine } from './read.ts'

/** Something that is wrong with a log. */
export interface LogFault {
  readonly kind:
    | 'missing' // a line, or several one after the other
    | 'changed' // a line is not the one that the next names
    | 'moved' // a line that says that it has another number
    | 'malformed' // bytes that are no line
    | 'lost' // an empty line, as a loss of power leaves it
    | 'no-beginning' // the first line does not begin a log
    | 'cut' // a checkpoint covers more lines than there are, or all that is left was removed
    | 'rewritten' // a checkpoint covers other lines
    | 'gone' // a checkpoint from elsewhere covers no line that is still there
    | 'other-log' // a checkpoint is one of another log
    | 'unwitnessed' // no checkpoint that agrees has the cosignatures that a quorum needs
    | 'bad-checkpoint' // one that cannot be read, or that this machine's key did not sign
    | 'unreadable' // a file of the log that is not root's, or not a file
  /** The first line that it is about; undefined if it is about none. */
  readonly line: number | undefined
  /** What was found, in words; escaped. */
  readonly detail: string
}

/** Is told of a fault; `detail` is escaped. */
export type Tell = (kind: LogFault['kind'], line: number | undefined, detail: string) => void

/** A line as it lies there, and what it says; undefined if it is damaged or missing. */
export interface FollowedLine extends RawLine {
  readonly line: Line | undefined
}

/** Where to begin: a number, and what the line of that number names; undefined if that is not known. */
export interface From {
  readonly number: number
  readonly previous: string | undefined
}

/** The lines from a number on, each held against the one before it. Throws FileError. */
export function* followLines(places: LogPlaces, from: From, tell: Tell): Generator<FollowedLine> {
  let { previous } = from
  let isMissing = false
  for (const { number, bytes } of linesFrom(places, from.number)) {
    if (bytes === undefined) {
      if (!isMissing) tell('missing', number, 'there is a later line')
      previous = undefined
      isMissing = true
      yield { number, bytes, line: undefined }
      continue
    }
    isMissing = false
    const line = read(bytes, number, tell)
    if (line !== undefined) compare(line, { number, previous }, tell)
    previous = isLost(bytes) ? undefined : digestOf(bytes)
    yield { number, bytes, line }
  }
}

function compare(line: Line, { number, previous }: From, tell: Tell): void {
  if (line.number !== number) {
    tell('moved', number, `it says that it is line ${line.number}`)
    return
  }
  if (previous === undefined || line.previous === previous) return
  tell('changed', Math.max(number - 1, 0), `line ${number} names another one in its place`)
}

function isLost(bytes: Buffer): boolean {
  return bytes.every(byte => byte === 0)
}

/** A line; if it is damaged, that is told. */
function read(bytes: Buffer, number: number, tell: Tell): Line | undefined {
  if (isLost(bytes)) {
    tell('lost', number, LOST)
    return undefined
  }
  try {
    return parseLine(bytes.toString('latin1'))
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    tell('malformed', number, error.message)
    return undefined
  }
}

const LOST =
  'it is empty, as a loss of power leaves it, or was missing when lines were folded; root could have emptied it as well'
