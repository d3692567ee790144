/**
 * Public keys and signature files of OpenBSD's signify (signify(1); the base64 is an algorithm, a
 * key number, and the key or the signature). As in signify itself, a line may end as on Windows,
 * white space may follow the base64, and blank lines may follow everything. Stricter than signify:
 * base64 is standard and padded, and only its message may follow a signature.
 */
import { fromBase64, toBase64 } from '../primitives/base64.ts'
import { FormatError } from '../primitives/format-error.ts'

/** As in signify itself: COMMENTMAXLEN. */
const COMMENT_LIMIT = 1024
const COMMENT = 'untrusted comment: '
const ALGORITHM = 'Ed'

/** The base64 of the algorithm and of the first six bits after it. */
const ENCODED_ALGORITHM = /^RW[Q-T]/

/** A signify public key. */
export interface SignifyPublicKey {
  /** 8 bytes that a signature repeats. Random, so only a hint. */
  readonly keyNumber: Uint8Array
  /** The Ed25519 key, 32 bytes. */
  readonly publicKey: Uint8Array
}

/** A parsed signify signature. */
export interface SignifySignature {
  readonly keyNumber: Uint8Array
  /** 64 bytes, over the whole message. */
  readonly signature: Uint8Array
}

/**
 * Parses a public key: the base64 line (`RW…`) alone, or after a comment as in a .pub file. Throws
 * FormatError.
 */
export function parseSignifyPublicKey(text: string): SignifyPublicKey {
  const all = text.split('\n')
  const lines = all.slice(0, all.findLastIndex(line => !isBlank(line)) + 1)
  if (lines.length === 2) assertComment(withoutReturn(lines[0] ?? ''))
  if (lines.length > 2) throw malformed('more lines than a public key has', 3)
  const bytes = readBase64(lines.at(-1) ?? '', 42, lines.length)
  return { keyNumber: bytes.subarray(2, 10), publicKey: bytes.subarray(10) }
}

/** The base64 line of a public key. */
export function printSignifyPublicKey({ keyNumber, publicKey }: SignifyPublicKey): string {
  return toBase64(Buffer.concat([Buffer.from(ALGORITHM, 'latin1'), keyNumber, publicKey]))
}

/** A key number for messages: its bytes in hex, in order. */
export function printSignifyKeyNumber(keyNumber: Uint8Array): string {
  return Buffer.from(keyNumber).toString('hex')
}

/**
 * Whether a file begins as a signify signature does. minisign signatures begin alike; signify's
 * have signify's base64 in the second line and no trusted comment in the third.
 */
export function looksLikeSignify(file: Uint8Array): boolean {
  const [comment = '', encoded = '', third = ''] = firstLines(file)
  return (
    comment.startsWith(COMMENT) && ENCODED_ALGORITHM.test(encoded) && !third.startsWith('trusted comment: ')
  )
}

/**
 * Parses the two lines of a detached signature. Throws FormatError, also for a file that contains
 * the message as well.
 */
export function parseSignifySignature(file: Uint8Array): SignifySignature {
  const { signature, message } = splitSignifyFile(file)
  if (isBlank(latin1(message))) return signature
  throw malformed('the signed message is in this file (signify -e), and not the file that is judged', 3)
}

/**
 * Parses a signature file that may contain its message, as `signify -S -e` writes it and `signify
 * -C` reads it. The message is empty for a detached signature. Throws FormatError.
 */
export function splitSignifyFile(file: Uint8Array): {
  readonly signature: SignifySignature
  readonly message: Uint8Array
} {
  const first = file.indexOf(0x0a)
  if (first < 0 || first > COMMENT_LIMIT) throw malformed('not two lines', 1)
  const second = file.indexOf(0x0a, first + 1)
  const end = second < 0 ? file.length : second
  if (end - first > 200) throw malformed('not a signature', 2)
  assertComment(withoutReturn(latin1(file.subarray(0, first))))
  const bytes = readBase64(latin1(file.subarray(first + 1, end)), 74, 2)
  const signature = { keyNumber: bytes.subarray(2, 10), signature: bytes.subarray(10) }
  return { signature, message: file.subarray(end + 1) }
}

function firstLines(file: Uint8Array): readonly string[] {
  return latin1(file.subarray(0, COMMENT_LIMIT + 512)).split('\n', 3)
}

function assertComment(line: string): void {
  if (!line.startsWith(COMMENT)) throw malformed(`does not begin with "${COMMENT}"`, 1)
  if (line.length > COMMENT_LIMIT) throw malformed(`a comment of more than ${COMMENT_LIMIT} bytes`, 1)
  if (/[\r\0]/.test(line)) throw malformed('a carriage return or NUL', 1)
}

function isBlank(text: string): boolean {
  return !/[^ \t\r\n]/.test(text)
}

function withoutReturn(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line
}

function readBase64(line: string, size: number, number: number): Uint8Array {
  const bytes = line.length > 2 * size ? new Uint8Array() : fromBase64(line.replace(/[ \t\r]+$/, ''))
  if (bytes.length !== size) throw malformed(`not ${size} bytes`, number)
  if (latin1(bytes.subarray(0, 2)) !== ALGORITHM) throw malformed('not by Ed25519', number)
  return bytes
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}

function malformed(problem: string, line: number): FormatError {
  return new FormatError('signify', problem, `line ${line}`)
}
