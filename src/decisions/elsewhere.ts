/**
 * Signed states of the log in a directory elsewhere, such as a mount of another machine: each under a
 * name of its own, so that many machines can keep theirs in one directory. Whoever puts an older copy
 * of the log back changes nothing there.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { writeDurably } from '../files/durable-file.ts'
import { namesIn } from '../files/names-in.ts'
import { FileError, readRegularFile } from '../files/regular-file.ts'
import type { Checkpoint } from '../formats/tlog/checkpoint.ts'
import { counted } from '../primitives/counted.ts'
import { FormatError } from '../primitives/format-error.ts'
import { printable } from '../primitives/printable.ts'
import { CHECKPOINT_LIMIT, isSignedBy, type KeptCheckpoint, originOf, parseKept } from './kept-checkpoint.ts'
import { type LogPlaces, numberName, numberOf } from './places.ts'
import { lengthOf } from './read.ts'
import { logName } from './removed.ts'

/** Of one log, how many states are read, the newest. */
const READ = 256
/** How many other files under such names are passed over: who puts them there must hide no state. */
const OTHERS = 1024

/** Throws FileError if the directory for checkpoints elsewhere is absent. */
export function assertElsewhere(directory: string): void {
  if (!existsSync(directory))
    throw new FileError(`${printable(directory)}, where checkpoints are kept as well, is not there`)
}

/** The log as it is now. */
export interface OwnLog {
  /** Its name, from its first line. */
  readonly log: string
  /** The key that signs its states, 32 raw bytes. */
  readonly publicKey: Uint8Array
  /** How many lines it has now: it grows while its states are read. */
  readonly length: () => number
}

/** The log in these places; undefined if it has no name that can be read. Throws FileError. */
export function ownLogIn(places: LogPlaces, publicKey: Uint8Array): OwnLog | undefined {
  const log = logName(places)
  return log === undefined ? undefined : { log, publicKey, length: () => lengthOf(places) }
}

/**
 * What is wrong if a state is there of more lines than the log has, in words that are escaped; undefined
 * if none is. Throws FileError if the directory cannot be read, or has too much else under such names.
 */
export function beyondElsewhere(directory: string, { log, publicKey, length }: OwnLog): string | undefined {
  const before = length()
  const beyond = numbersIn(directory, log).filter(number => Number(number) > before)
  const states = signedIn(directory, { log, publicKey }, beyond)
  const now = length()
  const found = states.find(({ checkpoint }) => checkpoint.size > now)
  if (found === undefined) return undefined
  const covered = counted(found.checkpoint.size, 'line')
  return `${printable(found.from)} is a state of ${covered}, and the log has ${now}: it was cut, or an older copy of it was put back`
}

/** Throws FileError if a state is there of more lines than the log has, and if the directory is absent. */
export function assertNoneBeyond(directory: string, own: OwnLog): void {
  assertElsewhere(directory)
  const beyond = beyondElsewhere(directory, own)
  if (beyond !== undefined) throw new FileError(`${beyond}; ${VERIFY}`)
}

/**
 * Keeps a state of the log there. One of as many other lines that this machine signed before stays, as
 * it is evidence, as may be what cannot be read. Throws FileError for that, and like assertNoneBeyond.
 */
export function keepElsewhere(directory: string, bytes: Uint8Array, own: OwnLog): void {
  assertElsewhere(directory)
  const { checkpoint } = parseKept(bytes, directory)
  const file = join(directory, nameOf(own.log, numberName(checkpoint.size)))
  const before = stateIn(file)
  if (before !== undefined && isSignedBy(before, own.publicKey) && isOther(before.checkpoint, checkpoint))
    throw new FileError(
      `${printable(file)} is a state of other lines: the log was written anew, or an older copy of it was put back; ${VERIFY}`,
    )
  writeDurably(file, bytes, { flush: true, mode: 0o644 })
  assertNoneBeyond(directory, own)
}

const VERIFY = 'nixsig log verify tells more'

function isOther(one: Checkpoint, other: Checkpoint): boolean {
  return one.origin === other.origin && Buffer.compare(one.root, other.root) !== 0
}

/** The newest states there that this machine signed of its log, by size. Throws FileError. */
export function statesElsewhere(directory: string, own: Omit<OwnLog, 'length'>): readonly KeptCheckpoint[] {
  assertElsewhere(directory)
  return signedIn(directory, own, numbersIn(directory, own.log))
}

/** Of the states with these numbers, those that are of this log and signed by its key: the newest. */
function signedIn(
  directory: string,
  { log, publicKey }: Omit<OwnLog, 'length'>,
  numbers: readonly string[],
): readonly KeptCheckpoint[] {
  const states: KeptCheckpoint[] = []
  let others = 0
  for (const number of numbers.toSorted().reverse()) {
    if (states.length === READ) break
    const state = readableIn(join(directory, nameOf(log, number)))
    const isNamed = state?.checkpoint.origin === originOf(log) && state.checkpoint.size === Number(number)
    if (state !== undefined && isNamed && isSignedBy(state, publicKey)) states.push(state)
    else if (++others > OTHERS)
      throw new FileError(
        `${printable(directory)} has more than ${OTHERS} files under names of states of this log (${log}-…) that this machine did not sign: somebody else put them there, and they may hide one; remove them`,
      )
  }
  return states.reverse()
}

function nameOf(log: string, number: string): string {
  return `${log}-${number}`
}

/** In 12 digits. */
function numbersIn(directory: string, log: string): readonly string[] {
  const begin = nameOf(log, '')
  return namesIn(directory)
    .filter(name => name.startsWith(begin) && numberOf(name.slice(begin.length)) !== undefined)
    .map(name => name.slice(begin.length))
}

/** What is there; undefined if that is nothing, or no state of a log: anybody may write there. */
function readableIn(file: string): KeptCheckpoint | undefined {
  try {
    return stateIn(file)
  } catch (error) {
    if (error instanceof FileError) return undefined
    throw error
  }
}

/** The same. Throws FileError if it cannot be read. */
function stateIn(file: string): KeptCheckpoint | undefined {
  const bytes = readRegularFile(file, CHECKPOINT_LIMIT)
  try {
    return bytes && parseKept(bytes, file)
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}
