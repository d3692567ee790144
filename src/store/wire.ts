/**
 * The encoding of Nix's worker protocol (libstore, worker-protocol and libutil, serialise). Numbers
 * are 8 bytes, little-endian. A string is its length, its bytes, and zeros up to a multiple of 8. A
 * list is its length and its items.
 */
import { FormatError } from '../primitives/format-error.ts'

/**
 * Yields how many bytes it needs next, receives exactly that many, and returns the parsed value.
 */
export type Reader<T> = Generator<number, T, Uint8Array>

/**
 * Bytes that are passed over: they are not kept, and do not count against the limit of an answer.
 */
export interface Skip {
  readonly skip: number
}

/** Bytes that are looked at before they are read or passed over. */
export interface Peek {
  readonly peek: number
}

/**
 * A reader that may look ahead and pass bytes over. For a `Peek` it is given all bytes that have
 * arrived, at least as many as it asks for, which stay unread; for a `Skip` it is given no bytes.
 */
export type SkippingReader<T> = Generator<number | Skip | Peek, T, Uint8Array>

/** What a request is made of. */
export type Item = number | string | readonly string[]

/** The longest string in bytes, and the longest list in items, that is read. */
export const MAX_STRING = 1024 * 1024
export const MAX_LIST = 1_000_000

/** An error about the protocol; `where` names the field. */
export function wireError(problem: string, where: string): FormatError {
  return new FormatError('worker protocol', problem, where)
}

/**
 * Encodes numbers, strings and lists of strings, one after another. Throws RangeError on a number
 * that is not an unsigned integer.
 */
export function encode(...items: readonly Item[]): Uint8Array {
  // From a pool, unlike Buffer.alloc(): an audit asks thousands of small questions.
  const bytes = Buffer.allocUnsafe(items.reduce((size: number, item) => size + sizeOf(item), 0)).fill(0)
  let at = 0
  for (const item of items) at = put(bytes, at, item)
  return bytes
}

function sizeOf(item: Item): number {
  if (typeof item === 'number') return 8
  if (typeof item !== 'string') return item.reduce((size, each) => size + sizeOf(each), 8)
  const length = Buffer.byteLength(item, 'utf8')
  return 8 + length + padding(length)
}

/** Returns where the next item goes. */
function put(bytes: Buffer, at: number, item: Item): number {
  if (typeof item === 'number') return putNumber(bytes, at, item)
  if (typeof item !== 'string')
    return item.reduce((next, each) => put(bytes, next, each), put(bytes, at, item.length))
  const start = at + 8
  const length = bytes.write(item, start, 'utf8')
  put(bytes, at, length)
  return start + length + padding(length)
}

function putNumber(bytes: Buffer, at: number, value: number): number {
  if (!Number.isInteger(value) || value < 0 || value > 0xffff_ffff)
    return bytes.writeBigUInt64LE(BigInt(value), at)
  bytes.writeUInt32LE(value, at)
  return at + 8
}

/** How many zeros follow a string of so many bytes. */
export function padding(length: number): number {
  return (8 - (length % 8)) % 8
}

/** Reads a number up to 2^53 - 1. Throws FormatError on a greater one. */
export function* readNumber(where: string): Reader<number> {
  const bytes = yield 8
  const value = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true)
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw wireError('a number past 2^53', where)
  return Number(value)
}

/**
 * A number of any size; one past 2^53 - 1 becomes that. For what anybody can choose and nothing is
 * decided by.
 */
export function* readAnyNumber(): Reader<number> {
  const bytes = yield 8
  const value = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true)
  return Math.min(Number(value), Number.MAX_SAFE_INTEGER)
}

/** A number that is 0 or 1. Throws FormatError on any other. */
export function* readBoolean(where: string): Reader<boolean> {
  const value = yield* readNumber(where)
  if (value > 1) throw wireError('neither 0 nor 1', where)
  return value === 1
}

/** Skips `count` numbers of any size: activity numbers start at a process number times 2^32. */
export function* skipNumbers(count: number): Reader<void> {
  for (let index = 0; index < count; index++) yield 8
}

/**
 * Reads a string. Bytes that are not UTF-8 become U+FFFD: anyone can add a signature of any bytes
 * to a path, which must not make the path unreadable. Every string that decides something is parsed
 * further. Throws FormatError past MAX_STRING and on padding that is not zero.
 */
export function* readString(where: string): Reader<string> {
  const length = yield* readNumber(where)
  if (length > MAX_STRING) throw wireError(`a string of ${length} bytes`, where)
  if (length === 0) return ''
  const bytes = yield length + padding(length)
  if (bytes.subarray(length).some(byte => byte !== 0)) throw wireError('padding that is not zero', where)
  return Buffer.from(bytes.buffer, bytes.byteOffset, length).toString('utf8')
}

/** Reads how many items a list has. Throws FormatError past MAX_LIST. */
export function* readLength(where: string): Reader<number> {
  const length = yield* readNumber(where)
  if (length > MAX_LIST) throw wireError(`a list of ${length} items`, where)
  return length
}

/** Reads a list with `item`. Throws FormatError past MAX_LIST items, before any of them is read. */
export function* readList<T>(where: string, item: (where: string) => Reader<T>): Reader<readonly T[]> {
  const length = yield* readLength(where)
  const items: T[] = []
  for (let index = 0; index < length; index++) items.push(yield* item(where))
  return items
}
