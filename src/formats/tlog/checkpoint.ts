/** Checkpoints of transparency logs (c2sp.org/tlog-checkpoint): the text of a signed note. */
import { fromBase64, toBase64 } from '../../primitives/base64.ts'
import { FormatError } from '../../primitives/format-error.ts'
import type { TreeHead } from './merkle.ts'

/** What a log states of itself. */
export interface Checkpoint extends TreeHead {
  /** The log's name, a line of text; not empty. */
  readonly origin: string
  /** Further lines, none of them empty. They are signed, and mean nothing to nixsig. */
  readonly extensions: readonly string[]
}

/**
 * Parses the text of a checkpoint: the origin, the size in decimal, the root in base64, further
 * lines, each with its newline. Throws FormatError, also for a size above 2^53 - 1.
 */
export function parseCheckpoint(text: string): Checkpoint {
  if (!text.endsWith('\n')) throw malformed('no newline at its end', 'end')
  const [origin = '', size = '', root = '', ...extensions] = text.slice(0, -1).split('\n')
  if (origin === '') throw malformed('no origin', 'line 1')
  const empty = extensions.indexOf('')
  if (empty >= 0) throw malformed('an empty line', `line ${empty + 4}`)
  return { origin, size: parseLogNumber(size, 'line 2'), root: parseHash(root, 'line 3'), extensions }
}

/** The text of a checkpoint, with the last newline. Throws FormatError if it could not be read again. */
export function printCheckpoint({ origin, size, root, extensions }: Checkpoint): string {
  const text = [origin, String(size), toBase64(root), ...extensions].map(line => `${line}\n`).join('')
  const read = parseCheckpoint(text)
  if (read.origin !== origin || read.extensions.length !== extensions.length) {
    throw malformed('a newline within a line', 'text')
  }
  return text
}

/** A size or an index: decimal, no leading zero, at most 2^53 - 1. Throws FormatError. */
export function parseLogNumber(text: string, where: string): number {
  const number = /^(?:0|[1-9][0-9]{0,15})$/.test(text) ? Number(text) : Number.NaN
  if (!Number.isSafeInteger(number)) throw malformed('not a number from 0 to 2^53 - 1', where)
  return number
}

/** A SHA-256 in base64. Throws FormatError. */
export function parseHash(text: string, where: string): Uint8Array {
  const bytes = text.length === HASH_LENGTH ? fromBase64(text) : undefined
  if (bytes?.length !== 32) throw malformed('not a SHA-256 in base64', where)
  return bytes
}

/** Characters of 32 bytes in base64. */
const HASH_LENGTH = 44

function malformed(problem: string, where: string): FormatError {
  return new FormatError('checkpoint', problem, where)
}
