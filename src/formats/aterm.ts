/**
 * The notation of .drv files: strings, lists and tuples, without any space between them. A text is a *byte string*: a
 * JavaScript string with one character, U+0000 to U+00FF, for each byte. So any bytes survive, and `<` on two of them
 * is Nix's own order.
 *
 * Nix takes other spellings of the same values, and never writes them. Here they are errors: a value has one text.
 */
import { FormatError } from '../primitives/format-error.ts'
import { printable } from '../primitives/printable.ts'

/** How far a text has been read. */
export interface Cursor {
  readonly text: string
  at: number
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

/** A quoted string, as bytes; the escapes are \" \\ \n \r \t, and a NUL byte is an error. Throws FormatError. */
export function readString(cursor: Cursor): string {
  const plain = /[^"\\\n\r\t\0]*/y
  let value = ''
  expect(cursor, '"')
  for (;;) {
    plain.lastIndex = cursor.at
    const run = plain.exec(cursor.text)?.[0] ?? ''
    value += run
    cursor.at += run.length
    if (accept(cursor, '"')) return value
    value += readEscape(cursor)
  }
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
  return `"${value.replace(/["\\\n\r\t]/g, escapeOf)}"`
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

function readEscape(cursor: Cursor): string {
  const code = cursor.text.slice(cursor.at, cursor.at + 2)
  const character = unescaped(code)
  if (character === undefined) {
    throw problem(
      cursor,
      code === '' ? 'string without an end' : `"${printable(code)}" may not stand in a string`,
    )
  }
  cursor.at += 2
  return character
}

function unescaped(code: string): string | undefined {
  switch (code) {
    case '\\"':
      return '"'
    case '\\\\':
      return '\\'
    case '\\n':
      return '\n'
    case '\\r':
      return '\r'
    case '\\t':
      return '\t'
    default:
      return undefined
  }
}

function escapeOf(character: string): string {
  switch (character) {
    case '\n':
      return '\\n'
    case '\r':
      return '\\r'
    case '\t':
      return '\\t'
    default:
      return `\\${character}`
  }
}
