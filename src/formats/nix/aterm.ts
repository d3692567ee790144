/**
 * The notation of .drv files: strings, lists and tuples, without white space between them. Text is
 * a *byte string*: a JavaScript string with one character, U+0000 to U+00FF, per byte. So no byte
 * is lost, and `<` compares two of them in Nix's own order.
 *
 * Nix also reads other spellings of the same values but never writes them. Here they are errors, so
 * that a value has only one text.
 */
import { FormatError } from '../../primitives/format-error.ts'
import { printable } from '../../primitives/printable.ts'

const BACKSLASH = 0x5c

/** The characters that may follow a backslash, and the characters that they stand for. */
const LETTERS = '"\\nrt'
const MEANINGS = '"\\\n\r\t'

/** A text, and how far it has been read. */
export interface Cursor {
  readonly text: string
  at: number
}

/**
 * Starts to read a text. Throws FormatError if it contains a newline, a carriage return, a tab or a
 * NUL byte anywhere: Nix writes the first three as escapes and never writes the last, which would
 * cut short a variable of the builder.
 */
export function openText(bytes: Uint8Array): Cursor {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
  const cursor = { text, at: 0 }
  const bare = text.search(/[\n\r\t\0]/)
  if (bare >= 0) throw problem(cursor, `"${printable(text.charAt(bare))}" may not stand anywhere`, bare)
  return cursor
}

/** A byte string decoded as UTF-8 for people, with U+FFFD for invalid bytes. Not escaped. */
export function textOf(byteString: string): string {
  return Buffer.from(byteString, 'latin1').toString('utf8')
}

/** Skips a piece of text that must come next. Throws FormatError. */
export function expect(cursor: Cursor, piece: string): void {
  if (!accept(cursor, piece)) throw problem(cursor, `${piece} is missing`)
}

/** Skips a piece of text if it comes next, and says whether it did. */
export function accept(cursor: Cursor, piece: string): boolean {
  if (!cursor.text.startsWith(piece, cursor.at)) return false
  cursor.at += piece.length
  return true
}

/** Reads a list in brackets, whose items `readItem` reads. Throws FormatError. */
export function readList<T>(cursor: Cursor, readItem: (cursor: Cursor) => T): readonly T[] {
  const items: T[] = []
  expect(cursor, '[')
  if (accept(cursor, ']')) return items
  do items.push(readItem(cursor))
  while (accept(cursor, ','))
  expect(cursor, ']')
  return items
}

/**
 * Reads a list in the order that Nix writes: `keyOf` must increase from one item to the next, so no
 * item is repeated. Throws FormatError.
 */
export function readSortedList<T>(
  cursor: Cursor,
  readItem: (cursor: Cursor) => T,
  keyOf: (item: T) => string,
): readonly T[] {
  let last: string | undefined
  return readList(cursor, cursor => {
    const start = cursor.at
    const item = readItem(cursor)
    const key = keyOf(item)
    if (last !== undefined && key <= last) {
      const what = key === last ? 'is repeated' : 'is out of order'
      throw problem(cursor, `"${printable(textOf(key), 250)}" ${what}`, start)
    }
    last = key
    return item
  })
}

/** Reads a quoted string, as a byte string. Its escapes are \" \\ \n \r \t. Throws FormatError. */
export function readString(cursor: Cursor): string {
  expect(cursor, '"')
  const start = cursor.at
  const end = endOfString(cursor.text, start)
  if (end < 0) throw problem(cursor, 'string without an end')
  cursor.at = end + 1
  const written = cursor.text.slice(start, end)
  return written.includes('\\') ? unescaped(cursor, written, start) : written
}

/**
 * Reads a quoted string where Nix writes no escapes: names of outputs, store paths, the system. A
 * character that needs an escape is an error there. Throws FormatError.
 */
export function readBareString(cursor: Cursor): string {
  const start = cursor.at
  const value = readString(cursor)
  if (cursor.at - start === value.length + 2) return value
  throw problem(cursor, 'an escape may not stand here', start)
}

/** Prints a string as readString reads it. */
export function printString(value: string): string {
  return `"${value.replace(/["\\\n\r\t]/g, escaped)}"`
}

/** Prints a string as readBareString reads it. */
export function printBareString(value: string): string {
  return `"${value}"`
}

/** Prints a list as readList reads it. */
export function printList<T>(items: readonly T[], printItem: (item: T) => string): string {
  return `[${items.map(printItem).join(',')}]`
}

/** The error for the text at the cursor, or at an offset before it. */
export function problem(cursor: Cursor, what: string, at = cursor.at): FormatError {
  return new FormatError('derivation', what, `offset ${at}`)
}

/**
 * The offset of the quote that ends a string: the first one after an even number of backslashes. -1
 * if absent.
 */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start); end >= 0; end = text.indexOf('"', end + 1)) {
    let backslashes = 0
    while (end - backslashes > start && text.charAt(end - backslashes - 1) === '\\') backslashes++
    if (backslashes % 2 === 0) return end
  }
  return -1
}

// Writes byte by byte into one buffer: a string with millions of escapes would become as many small
// strings.
function unescaped(cursor: Cursor, written: string, start: number): string {
  const bytes = Buffer.allocUnsafe(written.length)
  let length = 0
  for (let at = 0; at < written.length; at++) {
    let code = written.charCodeAt(at)
    if (code === BACKSLASH) {
      const letter = written.charAt(++at)
      const index = LETTERS.indexOf(letter)
      if (index < 0) throw problem(cursor, `\\${printable(letter)} is not an escape`, start + at - 1)
      code = MEANINGS.charCodeAt(index)
    }
    bytes[length++] = code
  }
  return bytes.toString('latin1', 0, length)
}

function escaped(character: string): string {
  return `\\${LETTERS.charAt(MEANINGS.indexOf(character))}`
}
