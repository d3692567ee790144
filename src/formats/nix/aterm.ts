/**
 * The notation of .drv files: strings, lists and tuples, without any space between them. A text is a *byte string*: a
 * JavaScript string with one character, U+0000 to U+00FF, for each byte. So any bytes survive, and `<` on two of them
 * is Nix's own order.
 *
 * Nix takes other spellings of the same values, and never writes them. Here they are errors: a value has one text.
 */
import { FormatError } from '../../primitives/format-error.ts'
import { printable } from '../../primitives/printable.ts'

const BACKSLASH = 0x5c

/** What stands behind a backslash, and what it stands for. */
const LETTERS = '"\\nrt'
const MEANINGS = '"\\\n\r\t'

/** How far a text has been read. */
export interface Cursor {
  readonly text: string
  at: number
}

/**
 * The start of a text. Throws FormatError if it has a newline, a return, a tab or a NUL byte anywhere: Nix writes the
 * first three as escapes and never writes the last, which would end a variable of the builder early.
 */
export function openText(bytes: Uint8Array): Cursor {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
  const cursor = { text, at: 0 }
  const bare = text.search(/[\n\r\t\0]/)
  if (bare >= 0) throw problem(cursor, `"${printable(text.charAt(bare))}" may not stand anywhere`, bare)
  return cursor
}

/** A byte string as a person reads it: its bytes as UTF-8, and U+FFFD for those that are none. Not yet escaped. */
export function textOf(byteString: string): string {
  return Buffer.from(byteString, 'latin1').toString('utf8')
}

/** Goes past a piece of text that must stand here. Throws FormatError. */
export function expect(cursor: Cursor, piece: string): void {
  if (!accept(cursor, piece)) throw problem(cursor, `${piece} is missing`)
}

/** Goes past a piece of text if it stands here; says whether it did. */
export function accept(cursor: Cursor, piece: string): boolean {
  if (!cursor.text.startsWith(piece, cursor.at)) return false
  cursor.at += piece.length
  return true
}

/** A list of what `readItem` reads, between brackets. Throws FormatError. */
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
 * A list in the order that Nix writes: by `keyOf`, which must rise from one item to the next, so none is repeated.
 * Throws FormatError.
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

/** A quoted string, as bytes; the escapes are \" \\ \n \r \t. Throws FormatError. */
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
 * A quoted string in a place where Nix escapes nothing when it writes: names of outputs, store paths, the system. What
 * would need an escape is an error there. Throws FormatError.
 */
export function readBareString(cursor: Cursor): string {
  const start = cursor.at
  const value = readString(cursor)
  if (cursor.at - start === value.length + 2) return value
  throw problem(cursor, 'an escape may not stand here', start)
}

/** What readString reads. */
export function printString(value: string): string {
  return `"${value.replace(/["\\\n\r\t]/g, escaped)}"`
}

/** What readBareString reads. */
export function printBareString(value: string): string {
  return `"${value}"`
}

/** What readList reads. */
export function printList<T>(items: readonly T[], printItem: (item: T) => string): string {
  return `[${items.map(printItem).join(',')}]`
}

/** The error for what stands at the cursor, or at an offset before it. */
export function problem(cursor: Cursor, what: string, at = cursor.at): FormatError {
  return new FormatError('derivation', what, `offset ${at}`)
}

/** Where the quote is that ends a string: the first one after an even number of backslashes. -1 if there is none. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start); end >= 0; end = text.indexOf('"', end + 1)) {
    let backslashes = 0
    while (end - backslashes > start && text.charAt(end - backslashes - 1) === '\\') backslashes++
    if (backslashes % 2 === 0) return end
  }
  return -1
}

// Byte by byte into one buffer, because a string of millions of escapes would else be as many small strings.
function unescaped(cursor: Cursor, written: string, start: number): string {
  const bytes = Buffer.allocUnsafe(written.length)
  let length = 0
  for (let at = 0; at < written.length; at++) {
    let code = written.charCodeAt(at)
    if (code === BACKSLASH) {
      const letter = written.charAt(++at)
      const index = LETTERS.indexOf(letter)
      if (index < 0) throw problem(cursor, `\\${printable(letter)} is no escape`, start + at - 1)
      code = MEANINGS.charCodeAt(index)
    }
    bytes[length++] = code
  }
  return bytes.toString('latin1', 0, length)
}

function escaped(character: string): string {
  return `\\${LETTERS.charAt(MEANINGS.indexOf(character))}`
}
