/**
 * Looks for the hash parts of store paths in bytes, as Nix does to find what a build refers to (Nix's source,
 * src/libstore/references.cc): 32 digits of Nix's base 32 in a row, wherever they stand.
 */
import { randomBytes } from '../../primitives/sodium.ts'
import { nix32Value } from './nix32.ts'

/** Digits of a hash part. */
const LENGTH = 32
/**
 * What may follow a hash part and belong to the path: a dash and a name, and one byte by which the name's end shows.
 */
const AFTER = 213
const DASH = 0x2d
const NO_DIGIT = 255

/** Bits of a number made of all digits, by which most of what is not listed is passed over. */
const SLOT_BITS = 20

/** The value of the digit that each byte is; 255 for those that are none. */
const VALUES = Uint8Array.from({ length: 256 }, (_, code) => nix32Value(code) ?? NO_DIGIT)

/** What is looked for. */
export interface Wanted {
  /** The name that belongs to each hash part: `dep-1.0` for `/nix/store/<hash part>-dep-1.0`. */
  readonly names: ReadonlyMap<string, string>
  /** Whether to look for anything else that could be a hash part, too. */
  readonly others: boolean
}

/** What was found. */
export interface Found {
  /** Listed hash parts that stand somewhere. */
  readonly seen: ReadonlySet<string>
  /** Those that stand somewhere with their very name. */
  readonly named: ReadonlySet<string>
  /** The first hash part that nobody listed, as it is written: with the name that follows, if one does. */
  readonly other: string | undefined
}

export interface HashPartScan {
  /** Takes the next bytes, which it does not keep. */
  add(chunk: Uint8Array): void
  /** Says what was found; nothing may be added any more. */
  end(): Found
}

/** Begins to look for hash parts in bytes that come piece by piece. */
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
  /** By slot, how many listed hash parts have it, and how many of those stand nowhere so far. */
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
 * A polynomial over 32 digits, modulo 2^32, that is cheap to move along a row of them. Its numbers are drawn anew for
 * each scan: whoever makes the contents cannot make rows that look like listed ones and are not.
 */
interface Rolling {
  readonly factor: number
  /** By a digit's value: what it adds at the end, and what it has become at the front. */
  readonly last: Int32Array
  readonly first: Int32Array
}

function randomRolling(): Rolling {
  const bytes = randomBytes(4 * 33)
  const numbers = new Int32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength))
  // Odd, so that no digit's bits are lost.
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

/** The highest bits, on which all others have a bearing. */
function slotOf(number: number): number {
  return number >>> (32 - SLOT_BITS)
}

function valueAt(text: Buffer, at: number): number {
  return VALUES[text[at] ?? 0] ?? NO_DIGIT
}

/**
 * Looks at every hash part that begins at the front and ends at or before `end`; says where to go on. Begins with the
 * last digit: most bytes are no digits, and what ends in one of those is passed over whole.
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
 * Looks at all hash parts in one row of digits, of which the first is whole; says where to go on. What was seen before
 * matters once more only at the end of the row, where a name can follow.
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
 * Takes the first hash part from `start` to `last` that nobody listed and that could be one. Where no name follows,
 * what is in hexadecimal digits, or in very few different ones, is some other number: of the hash parts that Nix
 * makes, one in thirty billion looks so.
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

/** Values of digits that hexadecimal has as well: 0 to 9, a to d, f. */
const HEX_VALUES = 15

function isUnlisted(text: Buffer, at: number, look: Look): boolean {
  const digest = text.toString('latin1', at, at + LENGTH)
  if (look.names.has(digest)) return false
  look.other = `${digest}${nameAfter(text, at + LENGTH)}`
  return true
}

/** The dash and the name that stand here; empty if none does. */
function nameAfter(text: Buffer, at: number): string {
  if (text[at] !== DASH) return ''
  const after = text.toString('latin1', at + 1, at + AFTER)
  const [name = ''] = /^[0-9A-Za-z+._?=-]+/.exec(after) ?? []
  return name === '' ? '' : `-${name}`
}
