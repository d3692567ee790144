/**
 * How much each asker may still write: files that all processes share, as a hook lives for one
 * answer. Two processes that take from a budget at once may take it once. As in nix/plugin/budget.c.
 */
import { createHash } from 'node:crypto'
import { closeSync, constants, fstatSync, openSync, readSync, writeSync } from 'node:fs'
import { assertOwned } from '../files/owned-file.ts'
import { FileError } from '../files/regular-file.ts'
import { printable } from '../primitives/printable.ts'
import type { LogPlaces } from './places.ts'

const DAY = 86_400_000
/** Each asker but root may write this part of the log's size at once, and as much again in a day. */
const SHARE = 16
/** All of them together may write this part: a user may have many numbers, and a network many addresses. */
const SHARE_OF_ALL = 4
/** Milliseconds between two lines that tell what one asker's budget left out. */
const TOLD_MS = 600_000
/** The most bytes of such a line, which the budget of all pays. */
const TELLING_BYTES = 320
/** Milliseconds between two of them, whoever they are about, where that budget is used up. */
const UNPAID_MS = 60_000

/** Records of `askers`: 64 bytes each, four numbers of 15 digits. */
const RECORD = 64
const DIGITS = 15
const FORM = /^(\d{15}) (\d{15}) (\d{15}) (\d{15})\n$/
/** The record of all askers together, those of single ones, and that of the log's size. */
const ALL = 0
const ASKERS = 4095
const SIZE = 4096

/** What may still be written, as it was at a time. */
interface Budget {
  /** Bytes. */
  readonly left: number
  /** Milliseconds since 1970. */
  readonly at: number
  /** How many decisions had no line since that was last told, and when it was. */
  readonly leftOut: number
  readonly toldAt: number
}

/** What a decision may have: a line, or, if a number is given, one that tells how many had none. */
export type Afforded = 'line' | { readonly leftOut: number } | 'nothing'

/**
 * Takes `bytes` from the budget of an asker, in a log of `size` bytes. What cannot be read or written
 * bounds nobody: then no line can be written either. Throws FileError if somebody else could have
 * written the file.
 */
export function afford(
  places: LogPlaces,
  { asker, bytes, size, now }: { asker: string; bytes: number; size: number; now: number },
): Afforded {
  if (asker === 'root') return 'line'
  return withRecords(places, fd => {
    const slot = slotOf(asker)
    const own = grown(readBudget(fd, slot), size / SHARE, now)
    const all = grown(readBudget(fd, ALL), size / SHARE_OF_ALL, now)
    if (own.left >= bytes && all.left >= bytes) {
      writeBudget(fd, slot, { ...own, left: own.left - bytes })
      writeBudget(fd, ALL, { ...all, left: all.left - bytes })
      return 'line'
    }
    const leftOut = own.leftOut + 1
    const isPaid = all.left >= TELLING_BYTES
    const isTold = isDue(own, TOLD_MS, now) && (isPaid || isDue(all, UNPAID_MS, now))
    if (isTold)
      writeBudget(fd, ALL, isPaid ? { ...all, left: all.left - TELLING_BYTES } : { ...all, toldAt: now })
    writeBudget(fd, slot, { ...own, ...(isTold ? { leftOut: 0, toldAt: now } : { leftOut }) })
    return isTold ? { leftOut } : 'nothing'
  })
}

/** Whether it was told so long ago; also if the clock was set back since. */
function isDue({ toldAt }: Budget, after: number, now: number): boolean {
  return now < toldAt || now - toldAt >= after
}

/** Notes the size of the log for the store plugin, which does not read the whole policy. */
export function noteSize(places: LogPlaces, size: number): void {
  withRecords(places, fd => {
    if (readBudget(fd, SIZE)?.left !== size)
      writeBudget(fd, SIZE, { left: size, at: 0, leftOut: 0, toldAt: 0 })
    return 'line'
  })
}

function withRecords(places: LogPlaces, use: (fd: number) => Afforded): Afforded {
  let fd: number | undefined
  try {
    fd = openSync(places.askers, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600)
    const status = fstatSync(fd)
    if (!status.isFile()) throw new FileError(`${printable(places.askers)} is not a regular file`)
    assertOwned(places.askers, status)
    return use(fd)
  } catch (error) {
    if (error instanceof FileError) throw error
    return 'line'
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}

/** The record of an asker; more than one may have the same. */
function slotOf(asker: string): number {
  const [, user] = /^user (\d{1,10})$/.exec(asker) ?? []
  const number =
    user === undefined ? createHash('sha256').update(asker).digest().readUInt16LE() : Number(user)
  return 1 + (number % ASKERS)
}

/** With what was gained since; full if nothing is known. */
function grown(known: Budget | undefined, share: number, now: number): Budget {
  if (known === undefined) return { left: share, at: now, leftOut: 0, toldAt: 0 }
  const gained = Math.floor((Math.max(0, now - known.at) / DAY) * share)
  // Less than a byte is kept for later.
  const at = gained > 0 || known.at > now ? now : known.at
  return { ...known, left: Math.min(share, known.left + gained), at }
}

function readBudget(fd: number, slot: number): Budget | undefined {
  const bytes = Buffer.alloc(RECORD)
  readSync(fd, bytes, 0, RECORD, slot * RECORD)
  const [, left, at, leftOut, toldAt] = FORM.exec(bytes.toString('latin1')) ?? []
  if (left === undefined) return undefined
  return { left: Number(left), at: Number(at), leftOut: Number(leftOut), toldAt: Number(toldAt) }
}

function writeBudget(fd: number, slot: number, { left, at, leftOut, toldAt }: Budget): void {
  const numbers = [Math.floor(left), at, leftOut, toldAt].map(number => String(number).padStart(DIGITS, '0'))
  writeSync(fd, `${numbers.join(' ')}\n`, slot * RECORD)
}
