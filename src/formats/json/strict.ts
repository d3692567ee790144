/**
 * Reads JSON (RFC 8259) so that a text has one meaning or is refused. JSON.parse keeps the last of
 * two equal keys; two programs that disagree about which one counts disagree about what was signed.
 */
import { isUtf8 } from 'node:buffer'
import { FormatError } from '../../primitives/format-error.ts'
import { printable } from '../../primitives/printable.ts'

/** A JSON value. Numbers are safe integers unless fractions are permitted. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject

/** Keys are in the order of the text. A map has no prototype that a key could reach. */
export type JsonObject = ReadonlyMap<string, JsonValue>

/** Limits on what is read: UTF-16 units of text, and the depth of nested objects and lists. */
export interface JsonLimits {
  readonly length: number
  readonly depth: number
  /** Values of all kinds, at any depth, for documents of strangers. Unlimited by default. */
  readonly values?: number
  /**
   * Objects and lists, at any depth: an empty one is two characters, and takes a hundred times as
   * much memory. Unlimited by default.
   */
  readonly containers?: number
  /**
   * Whether to read numbers that are not integers, each as the nearest double. For documents whose
   * numbers are not used.
   */
  readonly fractions?: boolean
}

interface Cursor {
  readonly text: string
  readonly depth: number
  readonly fractions: boolean
  readonly values: number
  readonly containers: number
  /** How many more values may begin, and how many more objects and lists. */
  left: number
  containersLeft: number
  at: number
}

/**
 * Decodes UTF-8 and keeps a BOM. Throws FormatError, in the name of `format`, if the bytes are not
 * UTF-8.
 */
export function decodeUtf8(bytes: Uint8Array, format: string): string {
  if (!isUtf8(bytes)) throw new FormatError(format, 'not UTF-8', `${bytes.byteLength} bytes`)
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
}

/**
 * Parses the one value of a text. Throws FormatError with the offset if the text is not JSON, and
 * for valid JSON that readers disagree about: repeated keys, the key `__proto__`, unpaired
 * surrogates, and numbers other than integers that a double holds exactly (fractions, exponents,
 * `-0`), unless the limits permit those.
 */
export function parseStrictJson(text: string, limits: JsonLimits): JsonValue {
  if (text.length > limits.length) {
    throw new FormatError('JSON', `longer than ${limits.length} characters`, `length ${text.length}`)
  }
  const { depth, values = UNLIMITED, containers = UNLIMITED, fractions = false } = limits
  const left = { left: values, containersLeft: containers }
  const cursor: Cursor = { text, depth, fractions, values, containers, ...left, at: 0 }
  const value = readValue(cursor, 0)
  skipSpace(cursor)
  if (cursor.at < text.length) throw problem(cursor, 'something follows the value')
  return value
}

const UNLIMITED = Number.POSITIVE_INFINITY

function readValue(cursor: Cursor, depth: number): JsonValue {
  skipSpace(cursor)
  if (depth > cursor.depth) throw problem(cursor, `nested deeper than ${cursor.depth}`)
  if (--cursor.left < 0) throw problem(cursor, `more than ${cursor.values} values`)
  switch (cursor.text.charAt(cursor.at)) {
    case '{':
      return readObject(cursor, depth)
    case '[':
      return readList(cursor, depth)
    case '"':
      return readString(cursor)
    case 't':
      return readWord(cursor, 'true', true)
    case 'f':
      return readWord(cursor, 'false', false)
    case 'n':
      return readWord(cursor, 'null', null)
    default:
      return cursor.fractions ? readNumber(cursor) : readInteger(cursor)
  }
}

function readObject(cursor: Cursor, depth: number): JsonObject {
  takeContainer(cursor)
  const object = new Map<string, JsonValue>()
  cursor.at++
  if (accept(cursor, '}')) return object
  do {
    skipSpace(cursor)
    const start = cursor.at
    if (cursor.text.charAt(start) !== '"') throw problem(cursor, 'a key must stand here')
    const key = readString(cursor)
    if (object.has(key)) throw problem(cursor, `key "${printable(key, 40)}" is repeated`, start)
    if (key === '__proto__') throw problem(cursor, 'key "__proto__" is not allowed', start)
    expect(cursor, ':')
    object.set(key, readValue(cursor, depth + 1))
  } while (accept(cursor, ','))
  expect(cursor, '}')
  return object
}

function readList(cursor: Cursor, depth: number): readonly JsonValue[] {
  takeContainer(cursor)
  const list: JsonValue[] = []
  cursor.at++
  if (accept(cursor, ']')) return list
  do list.push(readValue(cursor, depth + 1))
  while (accept(cursor, ','))
  expect(cursor, ']')
  return list
}

function takeContainer(cursor: Cursor): void {
  if (--cursor.containersLeft < 0) throw problem(cursor, `more than ${cursor.containers} objects and lists`)
}

/** Sticky, as is each below: made once, as there may be millions of values. */
const PLAIN = /[^"\\\0-\x1f]*/y

function readString(cursor: Cursor): string {
  const start = cursor.at
  let value = ''
  cursor.at++
  for (;;) {
    PLAIN.lastIndex = cursor.at
    PLAIN.test(cursor.text)
    value += cursor.text.slice(cursor.at, PLAIN.lastIndex)
    cursor.at = PLAIN.lastIndex
    const next = cursor.text.charAt(cursor.at)
    if (next === '"') break
    if (next !== '\\') throw problem(cursor, next === '' ? 'string without an end' : 'bare control character')
    value += readEscape(cursor)
  }
  cursor.at++
  if (!isWellFormed(value)) throw problem(cursor, 'string with an unpaired surrogate', start)
  return value
}

function readEscape(cursor: Cursor): string {
  const letter = cursor.text.charAt(cursor.at + 1)
  const index = letter === '' ? -1 : '"\\/bfnrt'.indexOf(letter)
  if (index >= 0) {
    cursor.at += 2
    return '"\\/\b\f\n\r\t'.charAt(index)
  }
  const digits = /u([0-9A-Fa-f]{4})/y
  digits.lastIndex = cursor.at + 1
  const code = digits.exec(cursor.text)?.[1]
  if (code === undefined) throw problem(cursor, 'unknown escape')
  cursor.at += 6
  return String.fromCharCode(Number.parseInt(code, 16))
}

const INTEGER = /(-?(?:0|[1-9]\d*))([.eE\d]?)/y

function readInteger(cursor: Cursor): number {
  INTEGER.lastIndex = cursor.at
  const [, digits, more] = INTEGER.exec(cursor.text) ?? []
  if (digits === undefined) throw problem(cursor, 'expected a value')
  if (more !== '' || digits === '-0') throw problem(cursor, 'number is not a plain integer')
  const value = Number(digits)
  if (!Number.isSafeInteger(value)) throw problem(cursor, 'integer does not fit into 53 bits')
  cursor.at += digits.length
  return value
}

function readNumber(cursor: Cursor): number {
  const form = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
  form.lastIndex = cursor.at
  const digits = form.exec(cursor.text)?.[0]
  if (digits === undefined) throw problem(cursor, 'expected a value')
  const value = Number(digits)
  if (!Number.isFinite(value)) throw problem(cursor, 'number that no double holds')
  cursor.at += digits.length
  return value
}

function readWord<T>(cursor: Cursor, word: string, value: T): T {
  if (!cursor.text.startsWith(word, cursor.at)) throw problem(cursor, 'expected a value')
  cursor.at += word.length
  return value
}

function skipSpace(cursor: Cursor): void {
  for (; ; cursor.at++) {
    const code = cursor.text.charCodeAt(cursor.at)
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return
  }
}

function accept(cursor: Cursor, character: string): boolean {
  skipSpace(cursor)
  if (cursor.text.charAt(cursor.at) !== character) return false
  cursor.at++
  return true
}

function expect(cursor: Cursor, character: string): void {
  if (!accept(cursor, character)) throw problem(cursor, `"${character}" is missing`)
}

// String.prototype.isWellFormed is newer than the TypeScript library that this compiles against.
function isWellFormed(text: string): boolean {
  return !SURROGATE.test(text)
}

const SURROGATE = /\p{Surrogate}/u

function problem(cursor: Cursor, what: string, at = cursor.at): FormatError {
  return new FormatError('JSON', what, `offset ${at}`)
}
