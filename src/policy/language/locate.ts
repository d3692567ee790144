/**
 * Finds the position of each key and list element in a TOML document, since the parser only reports
 * lines for syntax errors. The document was parsed before, so it is known to be valid. TOML 1.0,
 * https://toml.io/en/v1.0.0
 */
import { parse } from 'smol-toml'

/** Keys and list indices from the root. */
export type TomlPath = readonly (string | number)[]

/** A place in a document. */
export interface Position {
  /** The line of the key, the header or the element, from 1. */
  readonly line: number
  /**
   * The offset of the value's first character, or of the header for a table that a header defines.
   */
  readonly offset: number
}

/** Finds the position of a path, or of its nearest parent that is written in the document. */
export type Locator = (path: TomlPath) => Position

/**
 * How many parts of a path are used. The language has fewer, and without a limit a key with many
 * parts would take quadratic time. A deeper value gets the position of its sixteenth part.
 */
const DEPTH_LIMIT = 16

/**
 * Scans a valid TOML document once. A table or list with several headers has the position of the
 * first.
 */
export function locate(toml: string): Locator {
  const positions = new Map<string, Position>()
  scan(toml, (path, position) => {
    for (let length = Math.min(path.length, DEPTH_LIMIT); length > 0; length--) {
      const id = JSON.stringify(path.slice(0, length))
      if (positions.has(id)) return
      positions.set(id, position)
    }
  })
  return path => {
    for (let length = Math.min(path.length, DEPTH_LIMIT); length > 0; length--) {
      const position = positions.get(JSON.stringify(path.slice(0, length)))
      if (position !== undefined) return position
    }
    return { line: 1, offset: 0 }
  }
}

/**
 * A header, `[a.b]` or `[[a.b]]`, of a valid TOML document: the table that it begins, and where.
 */
export interface Header extends Position {
  readonly path: TomlPath
}

/** The headers of a valid TOML document, in order. */
export function headersOf(toml: string): readonly Header[] {
  const headers: Header[] = []
  scan(toml, (path, position, isHeader) => {
    if (isHeader) headers.push({ path, ...position })
  })
  return headers
}

interface Cursor {
  readonly text: string
  at: number
  readonly found: (path: TomlPath, position: Position, isHeader?: true) => void
  /** The line of the offset up to which lines were counted. */
  line: number
  counted: number
}

function scan(text: string, found: Cursor['found']): void {
  const cursor: Cursor = { text, at: 0, found, line: 1, counted: 0 }
  const lengths = new Map<string, number>()
  let table: TomlPath = []
  for (skip(cursor, BLANK); cursor.at < text.length; skip(cursor, BLANK)) {
    if (text[cursor.at] === '[') table = header(cursor, lengths)
    else assignment(cursor, table)
  }
}

/** Reads `[a.b]` or `[[a.b]]`. Returns the path of the table that the lines below it fill. */
function header(cursor: Cursor, lengths: Map<string, number>): TomlPath {
  const position = here(cursor)
  const brackets = cursor.text.startsWith('[[', cursor.at) ? 2 : 1
  cursor.at += brackets
  const keys = dottedKey(cursor, ']')
  cursor.at += brackets
  const path: (string | number)[] = []
  for (const [index, key] of keys.entries()) {
    if (path.length >= DEPTH_LIMIT) break
    path.push(key)
    const id = JSON.stringify(path)
    const opens = brackets === 2 && index === keys.length - 1
    if (opens) lengths.set(id, (lengths.get(id) ?? 0) + 1)
    const length = lengths.get(id)
    if (length !== undefined) path.push(length - 1)
  }
  cursor.found(path, position, true)
  return path
}

/** Reads `a.b = value` in a table or an inline table. */
function assignment(cursor: Cursor, table: TomlPath): void {
  const { line } = here(cursor)
  const path = [...table, ...dottedKey(cursor, '=')].slice(0, DEPTH_LIMIT)
  cursor.at++
  skip(cursor, BLANK)
  cursor.found(path, { line, offset: cursor.at })
  value(cursor, path)
}

function value(cursor: Cursor, path: TomlPath): void {
  const first = cursor.text[cursor.at]
  if (first === '"' || first === "'") string(cursor)
  else if (first === '[') elements(cursor, path)
  else if (first === '{') inlineTable(cursor, path)
  else skip(cursor, /[^,\]}\n#]*/y)
}

function elements(cursor: Cursor, path: TomlPath): void {
  cursor.at++
  for (let index = 0; ; index++) {
    skip(cursor, SEPARATION)
    if (cursor.text[cursor.at] === ']' || cursor.at >= cursor.text.length) break
    const element = [...path, index]
    cursor.found(element, here(cursor))
    value(cursor, element)
  }
  cursor.at++
}

function inlineTable(cursor: Cursor, path: TomlPath): void {
  cursor.at++
  for (;;) {
    skip(cursor, SEPARATION)
    if (cursor.text[cursor.at] === '}' || cursor.at >= cursor.text.length) break
    assignment(cursor, path)
  }
  cursor.at++
}

/** The parts of a key, up to the character that ends it. */
function dottedKey(cursor: Cursor, end: string): string[] {
  const keys: string[] = []
  for (;;) {
    skip(cursor, /[ \t.]*/y)
    const start = cursor.at
    const first = cursor.text[start]
    if (first === end || first === undefined) return keys
    if (first === '"' || first === "'") {
      string(cursor)
      const quoted = parse(`key = ${cursor.text.slice(start, cursor.at)}`)['key']
      keys.push(String(quoted))
    } else {
      skip(cursor, /[A-Za-z0-9_-]+/y)
      keys.push(cursor.text.slice(start, cursor.at))
    }
  }
}

/** Skips a string of any of the four kinds. */
function string(cursor: Cursor): void {
  skip(cursor, cursor.text[cursor.at] === '"' ? BASIC : LITERAL)
}

/** Up to two quotes may precede the three that end a multi-line string. */
const BASIC = /"""(?:\\.|[^\\])*?"{3,5}(?!")|"(?:\\.|[^"\\])*"/sy
const LITERAL = /'''.*?'{3,5}(?!')|'[^']*'/sy
/** Spaces, line breaks and comments, and commas between elements. */
const BLANK = /(?:[ \t\r\n]+|#[^\n]*)*/y
const SEPARATION = /(?:[ \t\r\n,]+|#[^\n]*)*/y

/** Skips what a sticky expression matches here, or one character if it does not match. */
function skip(cursor: Cursor, form: RegExp): void {
  form.lastIndex = cursor.at
  const length = form.exec(cursor.text)?.[0].length ?? 1
  cursor.at += length
}

function here(cursor: Cursor): Position {
  for (; cursor.counted < cursor.at; cursor.counted++) {
    if (cursor.text[cursor.counted] === '\n') cursor.line++
  }
  return { line: cursor.line, offset: cursor.at }
}
