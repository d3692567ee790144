/**
 * NARs as values in memory (Nix manual, "Nix Archive (NAR) format"). src/store/disk-tree-nar.ts
 * computes the NAR of a tree on disk. Names and link targets are byte strings: one character,
 * U+0000 to U+00FF, per byte. So `<` is the order of the format, and names in any encoding survive.
 */
import { FormatError } from '../../primitives/format-error.ts'
import { printable } from '../../primitives/printable.ts'
import {
  narClose,
  narDirectoryHead,
  narEntryHead,
  narFileHead,
  narFileTail,
  narPadding,
  narStart,
  narSymlink,
} from './nar-tokens.ts'

/**
 * How deeply directories may be nested. Linux opens no path of more than 4096 bytes, which is 2048
 * levels.
 */
export const NAR_DEPTH_LIMIT = 1024

const NAME_LIMIT = 255
const TARGET_LIMIT = 4095

/** A file system object in a NAR. */
export type NarNode =
  | { readonly kind: 'regular'; readonly executable: boolean; readonly contents: Uint8Array }
  | { readonly kind: 'symlink'; readonly target: string }
  | { readonly kind: 'directory'; readonly entries: readonly NarEntry[] }

/** An entry of a directory. */
export interface NarEntry {
  /** 1 to 255 bytes, not `.` or `..`, without slashes and NUL bytes. */
  readonly name: string
  readonly node: NarNode
}

/**
 * The NAR of a node, in pieces; contents are passed on, not copied. Entries may come in any order.
 * Throws FormatError for what a NAR cannot hold: an invalid or repeated name, an invalid target, a
 * tree that is too deep.
 */
export function* encodeNar(node: NarNode): Generator<Uint8Array, void, undefined> {
  yield narStart()
  yield* encodeNode(node, 0)
}

/** The NAR of one regular file. */
export function narOfBytes(contents: Uint8Array, executable: boolean): Uint8Array {
  return Buffer.concat([...encodeNar({ kind: 'regular', executable, contents })])
}

/**
 * Parses a NAR; contents are views into its bytes. Accepts only the spelling that Nix writes:
 * entries sorted by the bytes of their names, none repeated, padding of zeros, nothing after the
 * end. Throws FormatError with the offset.
 */
export function decodeNar(bytes: Uint8Array): NarNode {
  const cursor: Cursor = { bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), at: 0 }
  expectWords(cursor, 'nix-archive-1')
  const node = decodeNode(cursor, 0)
  if (cursor.at < bytes.byteLength) throw problem(cursor, 'something follows the archive')
  return node
}

interface Cursor {
  readonly bytes: Buffer
  at: number
}

function* encodeNode(node: NarNode, depth: number): Generator<Uint8Array, void, undefined> {
  switch (node.kind) {
    case 'regular':
      yield narFileHead(node.contents.byteLength, node.executable)
      yield node.contents
      yield narFileTail(node.contents.byteLength)
      return
    case 'symlink':
      if (!isTarget(node.target)) throw unwritable('cannot be the target of a link', node.target)
      yield narSymlink(node.target)
      return
    case 'directory':
      yield* encodeDirectory(node.entries, depth)
  }
}

function* encodeDirectory(
  entries: readonly NarEntry[],
  depth: number,
): Generator<Uint8Array, void, undefined> {
  if (depth >= NAR_DEPTH_LIMIT)
    throw new FormatError('NAR', 'too many directories in one another', `${depth}`)
  yield narDirectoryHead()
  let last: string | undefined
  for (const { name, node } of entries.toSorted(byName)) {
    if (!isName(name)) throw unwritable('cannot be the name of a file', name)
    if (name === last) throw unwritable('is repeated', name)
    last = name
    yield narEntryHead(name)
    yield* encodeNode(node, depth + 1)
    yield narClose()
  }
  yield narClose()
}

function decodeNode(cursor: Cursor, depth: number): NarNode {
  expectWords(cursor, '(', 'type')
  const start = cursor.at
  const kind = readWord(cursor)
  switch (kind) {
    case 'regular':
      return decodeFile(cursor)
    case 'symlink': {
      expectWords(cursor, 'target')
      const at = cursor.at
      const target = readString(cursor, TARGET_LIMIT).toString('latin1')
      if (!isTarget(target)) throw problem(cursor, 'not the target of a link', at)
      expectWords(cursor, ')')
      return { kind, target }
    }
    case 'directory':
      if (depth >= NAR_DEPTH_LIMIT) throw problem(cursor, 'too many directories in one another', start)
      return { kind, entries: decodeEntries(cursor, depth) }
    default:
      throw problem(cursor, `"${printable(kind)}" is not a type of file`, start)
  }
}

function decodeFile(cursor: Cursor): NarNode {
  const start = cursor.at
  const word = readWord(cursor)
  const executable = word === 'executable'
  if (executable) expectWords(cursor, '', 'contents')
  else if (word !== 'contents') throw problem(cursor, '"contents" is missing', start)
  const contents = readString(cursor, Number.MAX_SAFE_INTEGER)
  expectWords(cursor, ')')
  return { kind: 'regular', executable, contents }
}

function decodeEntries(cursor: Cursor, depth: number): readonly NarEntry[] {
  const entries: NarEntry[] = []
  let last: string | undefined
  for (;;) {
    const start = cursor.at
    const word = readWord(cursor)
    if (word === ')') return entries
    if (word !== 'entry') throw problem(cursor, 'neither an entry nor the end of a directory', start)
    expectWords(cursor, '(', 'name')
    const at = cursor.at
    const name = readString(cursor, NAME_LIMIT).toString('latin1')
    if (!isName(name)) throw problem(cursor, `"${printable(name)}" cannot be the name of a file`, at)
    if (last !== undefined && name <= last) {
      throw problem(cursor, `"${printable(name)}" is ${name === last ? 'repeated' : 'out of order'}`, at)
    }
    last = name
    expectWords(cursor, 'node')
    entries.push({ name, node: decodeNode(cursor, depth + 1) })
    expectWords(cursor, ')')
  }
}

function expectWords(cursor: Cursor, ...words: readonly string[]): void {
  for (const word of words) {
    const start = cursor.at
    if (readWord(cursor) !== word) throw problem(cursor, `"${word}" is missing`, start)
  }
}

/** Reads one of the format's keywords, which have at most 13 bytes. */
function readWord(cursor: Cursor): string {
  return readString(cursor, 13).toString('latin1')
}

function readString(cursor: Cursor, limit: number): Buffer {
  const start = cursor.at
  const { bytes } = cursor
  if (bytes.length - start < 8) throw problem(cursor, 'breaks off')
  const length = bytes.readUInt32LE(start) + bytes.readUInt32LE(start + 4) * 2 ** 32
  if (length > limit) throw problem(cursor, `string longer than ${limit} bytes`)
  const end = start + 8 + length
  const next = end + narPadding(length)
  if (next > bytes.length) throw problem(cursor, 'breaks off')
  for (let at = end; at < next; at++) {
    if (bytes[at] !== 0) throw problem(cursor, 'padding that is not zero', at)
  }
  cursor.at = next
  return bytes.subarray(start + 8, end)
}

function byName(a: NarEntry, b: NarEntry): number {
  return a.name < b.name ? -1 : Number(a.name > b.name)
}

function isName(name: string): boolean {
  return /^[^/\0]+$/.test(name) && name.length <= NAME_LIMIT && name !== '.' && name !== '..'
}

function isTarget(target: string): boolean {
  return /^[^\0]+$/.test(target) && target.length <= TARGET_LIMIT
}

function unwritable(what: string, text: string): FormatError {
  return new FormatError('NAR', what, `"${printable(text)}"`)
}

function problem(cursor: Cursor, what: string, at = cursor.at): FormatError {
  return new FormatError('NAR', what, `offset ${at}`)
}
