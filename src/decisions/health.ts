/**
 * What is wrong with the log, found without reading all of it: whether it can be written, whether its
 * end holds together, and whether it is folded and signed. `nixsig log verify` reads the rest.
 */
import { closeSync, linkSync, lstatSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { namesIn } from '../files/names-in.ts'
import { assertOwned, assertOwnedDirectory } from '../files/owned-file.ts'
import { FileError } from '../files/regular-file.ts'
import { removeFile } from '../files/remove-file.ts'
import type { DecisionSettings } from '../policy/policy.ts'
import { counted } from '../primitives/counted.ts'
import { FormatError } from '../primitives/format-error.ts'
import { BY_ROOT } from '../primitives/next-step.ts'
import { printable } from '../primitives/printable.ts'
import { withSystemErrorsInWords } from '../primitives/system-error-words.ts'
import { foldedLines } from './append.ts'
import { followLines, type LogFault } from './chain.ts'
import { checkpointBeyond, newestCheckpoint } from './checkpoint.ts'
import { beyondElsewhere, ownLogIn } from './elsewhere.ts'
import { LINE_LIMIT, SEGMENT_LINES } from './line.ts'
import { type LogPlaces, logPlaces, numberName, numberOf } from './places.ts'
import { lengthOf } from './read.ts'
import { cutBehind, readRemoved } from './removed.ts'
import { noted } from './trouble.ts'

/** What may be wrong with the log. */
export const LOG_PROBLEMS = [
  'unwritable', // no line can be written
  'broken', // its end does not hold together
  'lost', // a loss of power emptied a line near its end
  'untidy', // it could not be folded, signed or kept below its size when that was last tried
  'unfolded', // too many lines are files of their own
  'unsigned', // the last segment is not covered by a checkpoint
] as const

/** Something that is wrong with the log. */
export interface LogProblem {
  readonly code: (typeof LOG_PROBLEMS)[number]
  /** In words; escaped. */
  readonly detail: string
  /** What to do; escaped. */
  readonly next: string
  /** Whether the policy makes the log a condition, so that this is an error, and not a warning. */
  readonly isError: boolean
}

/** How the log stands. */
export interface LogHealth {
  /** Lines that were ever written. */
  readonly lines: number
  /** Of these, files of their own that are not folded. */
  readonly unfolded: number
  /** The worst first. */
  readonly problems: readonly LogProblem[]
}

/** What is wrong with the log and the policy makes an error. */
export function logErrors(health: LogHealth | undefined): readonly LogProblem[] {
  return health?.problems.filter(({ isError }) => isError) ?? []
}

/** Lines that may be files of their own before that is told: whoever folds does so at 1,024. */
const MOST_UNFOLDED = 4 * SEGMENT_LINES
/** Lines that are read at most. */
const READ = 2 * MOST_UNFOLDED
/** Faults of lines that are named. */
const NAMED = 2
/** Milliseconds after folding, within which the log is signed. */
const SIGNED_WITHIN = 60_000

const MEND = `make it writable again, then, ${BY_ROOT}: nixsig log checkpoint`
const VERIFY = `${BY_ROOT}: nixsig log verify, with the newest --checkpoint that was kept elsewhere`
const TIDY = `${BY_ROOT}: nixsig log checkpoint`

type Found = Omit<LogProblem, 'isError'>

/** What the policy says of a log, and by which key its states are signed. */
export interface LookedAt
  extends Pick<DecisionSettings, 'log'>,
    Partial<Pick<DecisionSettings, 'checkpointsTo'>> {
  /** 32 raw bytes; without it what is kept elsewhere is not looked at. */
  readonly key?: Uint8Array | undefined
}

/**
 * Looks at the log in a state directory; undefined where the policy keeps none. It writes and removes
 * a file of the size of a line there. Never throws for a fault of the log.
 */
export function lookAtLog(state: string, settings: LookedAt, now = Date.now()): LogHealth | undefined {
  if (settings.log === 'off') return undefined
  const places = logPlaces(state)
  const found: Found[] = []
  const isBegun = attempt(() => isThere(places.directory)) ?? true
  const problem = isBegun ? writeProblem(places) : undefined
  if (problem !== undefined) found.push({ code: 'unwritable', detail: problem, next: MEND })
  const extent = attempt(() => extentOf(places)) ?? { lines: 0, unfolded: 0 }
  if (isBegun) {
    for (const look of LOOKS) {
      try {
        found.push(...look(places, { ...extent, now, settings }))
      } catch (error) {
        if (!isForeseen(error)) throw error
        // Whoever may not look into it may not write either.
        const detail = isOfSystem(error) ? wordsOf(error) : error.message
        if (problem === undefined) found.push({ code: 'broken', detail, next: VERIFY })
      }
    }
  }
  const isRequired = settings.log === 'required'
  return {
    ...extent,
    problems: found.map(one => ({ ...one, isError: isRequired && one.code !== 'lost' })),
  }
}

function extentOf(places: LogPlaces): Pick<LogHealth, 'lines' | 'unfolded'> {
  const lines = lengthOf(places)
  const folded = foldedLines(places)
  const unfolded = namesIn(places.open).filter(name => (numberOf(name) ?? -1) >= folded).length
  return { lines, unfolded }
}

function attempt<T>(look: () => T): T | undefined {
  try {
    return look()
  } catch (error) {
    if (isForeseen(error)) return undefined
    throw error
  }
}

/** Of the log's files or their contents, or of the system that does not let look at them. */
function isForeseen(error: unknown): error is Error {
  return error instanceof FileError || error instanceof FormatError || isOfSystem(error)
}

function isOfSystem(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error
}

/** Does all that writing a line takes but for giving it a number. Returns why that fails, escaped. */
function writeProblem(places: LogPlaces): string | undefined {
  const { directory, open, segments, askers } = places
  const name = `~${process.pid}-${process.hrtime.bigint()}`
  const [file, linked] = [join(directory, name), join(open, name)]
  try {
    assertOwnedDirectory(directory)
    for (const each of [open, segments].filter(isThere)) assertOwnedDirectory(each)
    const status = lstatSync(askers, { throwIfNoEntry: false })
    if (status !== undefined) assertOwned(askers, status)
    try {
      writeFile(file)
      if (isThere(open)) linkSync(file, linked)
    } finally {
      removeFile(linked)
      removeFile(file)
    }
    return undefined
  } catch (error) {
    return error instanceof FileError ? error.message : wordsOf(error)
  }
}

function isThere(file: string): boolean {
  return lstatSync(file, { throwIfNoEntry: false }) !== undefined
}

function writeFile(file: string): void {
  const fd = openSync(file, 'wx', 0o600)
  try {
    const written = writeSync(fd, Buffer.alloc(LINE_LIMIT))
    if (written !== LINE_LIMIT) throw new FileError(`no space is left for ${printable(file)}`)
  } finally {
    closeSync(fd)
  }
}

function wordsOf(error: unknown): string {
  return printable(withSystemErrorsInWords((error as Error).message))
}

interface Extent extends Pick<LogHealth, 'lines' | 'unfolded'> {
  /** Milliseconds since 1970. */
  readonly now: number
  readonly settings: LookedAt
}

/** Reads the newest segment and what follows, at most READ lines. */
function endProblems(places: LogPlaces, { lines }: Extent): readonly Found[] {
  const removed = readRemoved(places)
  const cut = cutBehind(places, removed)
  if (cut !== undefined) return [{ code: 'broken', detail: cut, next: VERIFY }]
  const newest = Math.max(0, foldedLines(places) - SEGMENT_LINES)
  const number = Math.max(removed.lines, newest, lines - READ)
  const previous = number === removed.lines ? removed.previous : undefined
  const faults: LogFault[] = []
  for (const _ of followLines(places, { number, previous }, (kind, line, detail) =>
    faults.push({ kind, line, detail }),
  ));
  return [
    ...about(
      'broken',
      'its end is broken',
      faults.filter(({ kind }) => kind !== 'lost'),
    ),
    ...about(
      'lost',
      'a line is lost',
      faults.filter(({ kind }) => kind === 'lost'),
    ),
  ]
}

function about(code: Found['code'], what: string, faults: readonly LogFault[]): readonly Found[] {
  if (faults.length === 0) return []
  const named = faults.slice(0, NAMED).map(({ kind, line, detail }) => `line ${line} is ${kind}, ${detail}`)
  const more = faults.length > NAMED ? [`and ${faults.length - NAMED} more`] : []
  return [{ code, detail: `${what}: ${[...named, ...more].join('; ')}`, next: VERIFY }]
}

/** Whether the log is shorter than it was, as the states say that are kept elsewhere. */
function elsewhereProblems(places: LogPlaces, { settings }: Extent): readonly Found[] {
  const { checkpointsTo, key } = settings
  // That the directory is gone is told when a state is to be kept there.
  if (checkpointsTo === undefined || key === undefined || !isThere(checkpointsTo)) return []
  const own = ownLogIn(places, key)
  const state = own && beyondElsewhere(checkpointsTo, own)
  return state === undefined ? [] : [{ code: 'broken', detail: state, next: VERIFY }]
}

function troubleProblems(places: LogPlaces): readonly Found[] {
  const trouble = noted(places)
  if (trouble === undefined) return []
  const { since, why } = trouble
  const when = since === 0 ? '' : ` since ${new Date(since).toISOString().slice(0, 19)}Z`
  const detail = `it could not be kept in order${when}: ${why}`
  return [{ code: 'untidy', detail, next: `mend that, then, ${TIDY}` }]
}

function foldProblems(_: LogPlaces, { unfolded }: Extent): readonly Found[] {
  if (unfolded <= MOST_UNFOLDED) return []
  const detail = `${counted(unfolded, 'line')} are not folded, which the store plugin leaves to others, and at 131,072 it can write no more`
  return [{ code: 'unfolded', detail, next: `run the gate; or, now and then, ${TIDY}` }]
}

/** Whether the end was cut off, as the checkpoints beside the log say. */
function lengthProblems(places: LogPlaces): readonly Found[] {
  const covered = checkpointBeyond(places)
  if (covered === undefined) return []
  const detail = `a checkpoint beside it covers ${covered} lines, and there are ${lengthOf(places)}`
  return [{ code: 'broken', detail, next: VERIFY }]
}

function signatureProblems(places: LogPlaces, { now }: Extent): readonly Found[] {
  const folded = foldedLines(places)
  const signed = newestCheckpoint(places)
  if (signed >= folded) return []
  const segment = join(places.segments, numberName(folded - SEGMENT_LINES))
  const { mtimeMs } = lstatSync(segment, { throwIfNoEntry: false }) ?? { mtimeMs: 0 }
  if (Math.abs(now - mtimeMs) < SIGNED_WITHIN) return []
  const until = signed === 0 ? 'none is signed' : `the last checkpoint covers ${signed}`
  return [{ code: 'unsigned', detail: `${folded} lines are folded, and ${until}`, next: TIDY }]
}

/** The worst first. */
const LOOKS = [
  ...[endProblems, lengthProblems, elsewhereProblems],
  ...[troubleProblems, foldProblems, signatureProblems],
]
