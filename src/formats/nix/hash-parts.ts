/**
 * Searches bytes for the hash parts of store paths, as Nix does to find the references of a build
 * (Nix's source, src/libstore/references.cc): 32 digits of Nix32 in a row, anywhere.
 */
import { randomBytes } from '../../primitives/sodium.ts'
import { nix32Value } from './nix32.ts'

/** Digits of a hash part. */
const LENGTH = 32
/**
 * What may follow a hash part and belong to the path: a dash and a name, plus one byte that shows
 * where the name ends.
 */
const AFTER = 213
const DASH = 0x2d
const NO_DIGIT = 255

/**
 * Bits of the rolling hash that select a slot. Most digits that are not listed are skipped by an
 * empty slot.
 */
const SLOT_BITS = 20

/** The value of each byte as a digit; 255 if it is not a digit. */
const VALUES = Uint8Array.from({ length: 256 }, (_, code) => nix32Value(code) ?? NO_DIGIT)

/** What to look for. */
export interface Wanted {
  /** The name of each hash part: `dep-1.0` for `/nix/store/<hash part>-dep-1.0`. */
  readonly names: ReadonlyMap<string, string>
  /** Whether to look for any other possible hash part as well. */
  readonly others: boolean
}

/** What was found. */
export interface Found {
  /** Listed hash parts that occur. */
  readonly seen: ReadonlySet<string>
  /** Listed hash parts that occur followed by their name. */
  readonly named: ReadonlySet<string>
  /** The first hash part that is not listed, as written: with the name that follows it, if any. */
  readonly other: string | undefined
}

/** A scan in progress. */
export interface HashPartScan {
  /** Scans the next bytes. It does not keep them. */
  add(chunk: Uint8Array): void
  /** Returns what was found. Nothing may be added after that. */
  end(): Found
}

/** Starts a scan for hash parts in bytes that come in pieces. */
export function scanForHashParts(wanted: Wanted): HashPartScan {
  const look = lookFor(wanted)
  let rest = Buffer.alloc(0)
  return {
    add(chunk) {
      const text = Buffer.concat([rest, chunk])
      rest = text.subarray(search(text, text.length - AFTER, look))
    },
    end() {
      search(rest, rest.length, look)
      rest = Buffer.alloc(0)
      return { seen: look.seen, named: look.named, other: look.other }
    },
  }
}

interface Look extends Wanted {
  readonly rolling: Rolling
  /**
   * By slot: how many listed hash parts have it, and how many of those have not occurred so far.
   */
  readonly listed: Uint16Array
  readonly unseen: Uint16Array
  readonly seen: Set<string>
  readonly named: Set<string>
  other: string | undefined
}

function lookFor(wanted: Wanted): Look {
  const rolling = randomRolling()
  const listed = new Uint16Array(1 << SLOT_BITS)
  for (const digest of wanted.names.keys()) {
    const slot = slotOf(wholeNumber(rolling, Buffer.from(digest, 'latin1'), 0))
    listed[slot] = (listed[slot] ?? 0) + 1
  }
  const unseen = listed.slice()
  return { ...wanted, rolling, listed, unseen, seen: new Set(), named: new Set(), other: undefined }
}

/**
 * A rolling hash: a polynomial over 32 digits, modulo 2^32. Its coefficients are random for each
 * scan, so that the author of the contents cannot choose digits that collide with listed hash
 * parts.
 */
interface Rolling {
  readonly factor: number
  /**
   * By a digit's value: what it adds as the last digit, and what it contributes once it is the
   * first.
   */
  readonly last: Int32Array
  readonly first: Int32Array
}

function randomRolling(): Rolling {
  const bytes = randomBytes(4 * 33)
  const numbers = new Int32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength))
  // Odd, so that no bits of a digit are lost.
  const factor = (numbers[32] ?? 0) | 1
  const last = numbers.slice(0, 32)
  let power = 1
  for (let place = 1; place < LENGTH; place++) power = Math.imul(power, factor)
  return { factor, last, first: last.map(number => Math.imul(number, power)) }
}

function wholeNumber({ factor, last }: Rolling, text: Buffer, at: number): number {
  let number = 0
  for (let place = at; place < at + LENGTH; place++) {
    number = (Math.imul(number, factor) + (last[valueAt(text, place)] ?? 0)) | 0
  }
  return number
}

/** The highest bits, which depend on all others. */
function slotOf(number: number): number {
  return number >>> (32 - SLOT_BITS)
}

function valueAt(text: Buffer, at: number): number {
  return VALUES[text[at] ?? 0] ?? NO_DIGIT
}

/**
 * Checks every hash part that begins at the front and ends at or before `end`. Returns where to go
 * on. It looks at the last digit first: most bytes are not digits, and every position up to one of
 * those can be skipped.
 */
function search(text: Buffer, end: number, look: Look): number {
  let at = 0
  /** All bytes from `at` up to here are known to be digits. */
  let known = 0
  while (at + LENGTH <= end) {
    const unknown = Math.max(at, known)
    let place = at + LENGTH - 1
    while (place >= unknown && valueAt(text, place) !== NO_DIGIT) place--
    known = at + LENGTH
    at = place >= unknown ? place + 1 : alongRun(text, at, end, look)
  }
  return at
}

/**
 * Checks all hash parts in one run of digits, whose first 32 are known to be digits. Returns where
 * to go on. A hash part that has occurred already matters again only at the end of the run, where a
 * name can follow.
 */
function alongRun(text: Buffer, start: number, end: number, look: Look): number {
  const { unseen, listed, rolling } = look
  const { factor, first, last: added } = rolling
  let number = wholeNumber(rolling, text, start)
  let last = start
  while (last + LENGTH < end) {
    const next = valueAt(text, last + LENGTH)
    if (next === NO_DIGIT) break
    if (unseen[slotOf(number)] !== 0) takeListed(text, last, number, look)
    number = (Math.imul(number - (first[valueAt(text, last)] ?? 0), factor) + (added[next] ?? 0)) | 0
    last++
  }
  if (listed[slotOf(number)] !== 0) takeListed(text, last, number, look)
  if (look.others && look.other === undefined) takeOther(text, start, last, look)
  return last + 1
}

function takeListed(text: Buffer, at: number, number: number, { names, seen, named, unseen }: Look): void {
  const digest = text.toString('latin1', at, at + LENGTH)
  const name = names.get(digest)
  if (name === undefined) return
  if (!seen.has(digest)) {
    seen.add(digest)
    const slot = slotOf(number)
    unseen[slot] = (unseen[slot] ?? 1) - 1
  }
  if (!named.has(digest) && nameAfter(text, at + LENGTH) === `-${name}`) named.add(digest)
}

/**
 * Records the first possible hash part between `start` and `last` that is not listed. If no name
 * follows, digits that are all hexadecimal, or very few different ones, are taken for some other
 * number: one in thirty billion of Nix's hash parts looks like that.
 */
function takeOther(text: Buffer, start: number, last: number, look: Look): void {
  const counts = new Uint8Array(32)
  let different = 0
  let letters = 0
  for (let place = start; place < last + LENGTH; place++) {
    const value = valueAt(text, place)
    const before = counts[value] ?? 0
    counts[value] = before + 1
    if (before === 0) different++
    if (value >= HEX_VALUES) letters++
    const at = place - LENGTH + 1
    if (at < start) continue
    const isNamed = at === last && nameAfter(text, at + LENGTH) !== ''
    if ((isNamed || (letters > 0 && different > 4)) && isUnlisted(text, at, look)) return
    const first = valueAt(text, at)
    const left = (counts[first] ?? 0) - 1
    counts[first] = left
    if (left === 0) different--
    if (first >= HEX_VALUES) letters--
  }
}

/** Values of the digits that hexadecimal has as well: 0 to 9, a to d, f. */
const HEX_VALUES = 15

function isUnlisted(text: Buffer, at: number, look: Look): boolean {
  const digest = text.toString('latin1', at, at + LENGTH)
  if (look.names.has(digest)) return false
  look.other = `${digest}${nameAfter(text, at + LENGTH)}`
  return true
}

/** The dash and the name at this place; empty if absent. */
function nameAfter(text: Buffer, at: number): string {
  if (text[at] !== DASH) return ''
  const after = text.toString('latin1', at + 1, at + AFTER)
  const [name = ''] = /^[0-9A-Za-z+._?=-]+/.exec(after) ?? []
  return name === '' ? '' : `-${name}`
}
