/**
 * Public keys and signature files of minisign (https://jedisct1.github.io/minisign/, "Minisign
 * technical details"). As in minisign itself, a line may end as on Windows, and the last one need
 * not end. Stricter than minisign: base64 is standard and padded, and only blank lines may follow.
 */
import { fromBase64, toBase64 } from '../primitives/base64.ts'
import { FormatError } from '../primitives/format-error.ts'

/** As in minisign itself: COMMENTMAXBYTES and TRUSTEDCOMMENTMAXBYTES. */
const COMMENT_LIMIT = 1024
const TRUSTED_COMMENT_LIMIT = 8192

const UNTRUSTED = 'untrusted comment: '
const TRUSTED = 'trusted comment: '

/** A minisign public key. */
export interface MinisignPublicKey {
  /** 8 bytes that a signature repeats. Random, so only a hint. */
  readonly keyNumber: Uint8Array
  /** The Ed25519 key, 32 bytes. */
  readonly publicKey: Uint8Array
}

/** A parsed minisign signature file. */
export interface MinisignSignature {
  /**
   * Whether the signature is over the BLAKE2b-512 hash of the file (`ED`) or over the file itself
   * (`Ed`).
   */
  readonly prehashed: boolean
  readonly keyNumber: Uint8Array
  /** 64 bytes. */
  readonly signature: Uint8Array
  /** Bytes, because they are signed as they are; usually UTF-8. */
  readonly trustedComment: Uint8Array
  /** 64 bytes, over the signature and the trusted comment. */
  readonly globalSignature: Uint8Array
}

/**
 * Parses a public key: the base64 line (`RW…`) alone, or after an untrusted comment as in a .pub
 * file. Throws FormatError.
 */
export function parseMinisignPublicKey(text: string): MinisignPublicKey {
  const lines = splitLines(text)
  if (lines.length === 2) assertComment(lines[0] ?? '', UNTRUSTED, COMMENT_LIMIT, 1)
  if (lines.length > 2) throw malformed('more lines than a public key has', 3)
  const bytes = readBase64(lines.at(-1) ?? '', 42, lines.length)
  if (algorithm(bytes) !== 'Ed') throw malformed('not an Ed25519 key', lines.length)
  return { keyNumber: bytes.subarray(2, 10), publicKey: bytes.subarray(10) }
}

/** The base64 line of a public key. */
export function printMinisignPublicKey(key: MinisignPublicKey): string {
  return toBase64(Buffer.concat([Buffer.from('Ed', 'latin1'), key.keyNumber, key.publicKey]))
}

/** A key number as minisign prints it: little-endian, in 16 upper-case hex digits. */
export function printKeyNumber(keyNumber: Uint8Array): string {
  return Buffer.from(keyNumber).reverse().toString('hex').toUpperCase()
}

/** Whether a file begins as a minisign signature does. */
export function looksLikeMinisign(file: Uint8Array): boolean {
  return latin1(file.subarray(0, UNTRUSTED.length)) === UNTRUSTED
}

/** Parses the four lines of a signature file. Nothing in it is verified. Throws FormatError. */
export function parseMinisignSignature(file: Uint8Array): MinisignSignature {
  const lines = splitLines(latin1(file))
  if (lines.length !== 4) throw malformed('not four lines', lines.length)
  const [comment = '', first = '', trusted = '', second = ''] = lines
  assertComment(comment, UNTRUSTED, COMMENT_LIMIT, 1)
  const bytes = readBase64(first, 74, 2)
  const kind = algorithm(bytes)
  if (kind !== 'Ed' && kind !== 'ED') throw malformed('not an Ed25519 signature', 2)
  assertComment(trusted, TRUSTED, TRUSTED_COMMENT_LIMIT, 3)
  return {
    prehashed: kind === 'ED',
    keyNumber: bytes.subarray(2, 10),
    signature: bytes.subarray(10),
    trustedComment: Buffer.from(trusted.slice(TRUSTED.length), 'latin1'),
    globalSignature: readBase64(second, 64, 4),
  }
}

/** The lines without their line ends, and without blank lines at the end. */
function splitLines(text: string): readonly string[] {
  const lines = text.split('\n').map(line => (line.endsWith('\r') ? line.slice(0, -1) : line))
  return lines.slice(0, lines.findLastIndex(line => /[^ \t]/.test(line)) + 1)
}

function assertComment(line: string, prefix: string, limit: number, number: number): void {
  if (!line.startsWith(prefix)) throw malformed(`does not begin with "${prefix}"`, number)
  if (line.length - prefix.length >= limit) throw malformed(`a comment of ${limit} bytes or more`, number)
  if (/[\r\0]/.test(line)) throw malformed('a carriage return or NUL', number)
}

function readBase64(line: string, size: number, number: number): Uint8Array {
  const bytes = line.length > 2 * size ? new Uint8Array() : fromBase64(line)
  if (bytes.length !== size) throw malformed(`not ${size} bytes`, number)
  return bytes
}

function algorithm(bytes: Uint8Array): string {
  return latin1(bytes.subarray(0, 2))
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}

function malformed(problem: string, line: number): FormatError {
  return new FormatError('minisign', problem, `line ${line}`)
}
