/** Lines of the log that somebody asks for. */
import { FormatError } from '../primitives/format-error.ts'
import type { Door } from './line.ts'
import { type Line, parseLine } from './parse-line.ts'
import type { LogPlaces } from './places.ts'
import { lengthOf, linesFrom } from './read.ts'
import { readRemoved } from './removed.ts'

/** Which lines; undefined: whatever it is. */
export interface Wanted {
  /** Milliseconds since 1970. */
  readonly since: number | undefined
  /** A part of a store path. */
  readonly path: string | undefined
  /** Who asked, as the log names them, or the ground. */
  readonly principal: string | undefined
  readonly door: Door | undefined
}

/** A line that was asked for, with its text; `line` is undefined if it is damaged. */
export interface FoundLine {
  readonly number: number
  readonly text: string
  readonly line: Line | undefined
}

/** The first number that a log still has. */
export function firstNumber(places: LogPlaces): number {
  return readRemoved(places).lines
}

/** One more than the number of the last line. */
export function nextNumber(places: LogPlaces): number {
  return lengthOf(places)
}

/** The lines from a number on that are wanted. Damaged lines are always among them. Throws FileError. */
export function* linesOf(places: LogPlaces, from: number, wanted: Wanted): Generator<FoundLine> {
  for (const { number, bytes } of linesFrom(places, from)) {
    const text = bytes?.toString('latin1') ?? ''
    const line = lineIn(text)
    if (line === undefined || isWanted(line, wanted)) yield { number, text, line }
  }
}

function lineIn(text: string): Line | undefined {
  try {
    return parseLine(text)
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}

function isWanted(line: Line, { since, path, principal, door }: Wanted): boolean {
  if (since !== undefined && line.time < since) return false
  if (line.kind === 'beginning') return path === undefined && principal === undefined && door === undefined
  if (door !== undefined && line.door !== door) return false
  if (line.kind === 'left-out')
    return path === undefined && (principal === undefined || line.asker === principal)
  if (path !== undefined && !line.path.includes(path)) return false
  return principal === undefined || line.asker === principal || line.ground.includes(principal)
}
