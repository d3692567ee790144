/**
 * Hashes as Nix writes them (Nix manual, "Hash formats"). Everywhere else in nixsig, a hash is
 * lower-case hex.
 */
import { fromBase64 } from '../../primitives/base64.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { fromHex, toHex } from '../../primitives/hex.ts'
import { printable } from '../../primitives/printable.ts'
import { fromNix32, nix32Length, toNix32 } from './nix32.ts'

/** Bytes of a hash, by algorithm. */
const HASH_BYTES = { md5: 16, sha1: 20, sha256: 32, sha512: 64, blake3: 32 } as const

/** The hash algorithms that Nix knows. */
export type HashAlgorithm = keyof typeof HASH_BYTES

/** A hash with its algorithm. */
export interface NixHash {
  readonly algorithm: HashAlgorithm
  /** Lower-case hex, with the length that the algorithm has. */
  readonly hash: string
}

/** Whether Nix knows a hash algorithm of this name. */
export function isHashAlgorithm(name: string): name is HashAlgorithm {
  return Object.hasOwn(HASH_BYTES, name)
}

/** Whether this is a hash of the algorithm, in lower-case hex. */
export function isHexHash(algorithm: HashAlgorithm, text: string): boolean {
  return text.length === HASH_BYTES[algorithm] * 2 && /^[0-9a-f]+$/.test(text)
}

/**
 * Parses `sha256:<Nix32>`, `sha256:<lower-case hex>` and `sha256-<base64>` (W3C Subresource
 * Integrity, one hash, no options). Throws FormatError.
 */
export function parseNixHash(text: string): NixHash {
  const [, algorithm = '', separator = '', digits = ''] = /^([a-z0-9]+)([:-])(.+)$/.exec(text) ?? []
  if (!isHashAlgorithm(algorithm)) throw malformed('names no known algorithm', text)
  const hash = toHex(separator === '-' ? fromBase64(digits) : fromDigits(digits, HASH_BYTES[algorithm]))
  if (!isHexHash(algorithm, hash)) throw malformed(`not the length of ${algorithm}`, text)
  return { algorithm, hash }
}

/**
 * Parses a hash in any spelling that some Nix takes after its algorithm (2.8 to now): also upper-case
 * hex, base64 without SRI's dash, and base64 with its padding or what follows that left out or
 * wrong. Throws FormatError.
 */
export function parseAnyNixHash(text: string): NixHash {
  const [, algorithm = '', separator = '', digits = ''] = /^([a-z0-9]+)([:-])(.+)$/.exec(text) ?? []
  if (!isHashAlgorithm(algorithm)) throw malformed('names no known algorithm', text)
  const bytes = HASH_BYTES[algorithm]
  const isBase64 = separator === '-' || digits.length === Math.ceil(bytes / 3) * 4
  const hash = toHex(isBase64 ? fromLooseBase64(digits) : fromDigits(digits.toLowerCase(), bytes))
  // Nix32 has lower-case digits alone.
  const isNix32 = !isBase64 && digits.length === nix32Length(bytes)
  if (!isHexHash(algorithm, hash) || (isNix32 && digits !== digits.toLowerCase())) {
    throw malformed(`not a hash of ${algorithm}`, text)
  }
  return { algorithm, hash }
}

/** The form that Nix prints: `sha256:<Nix32>`. */
export function printNixHash({ algorithm, hash }: NixHash): string {
  return `${algorithm}:${toNix32(fromHex(hash))}`
}

function fromDigits(digits: string, byteCount: number): Uint8Array {
  return digits.length === nix32Length(byteCount) ? fromNix32(digits) : fromHex(digits)
}

function fromLooseBase64(text: string): Uint8Array {
  const [digits = ''] = text.split('=')
  if (!/^[A-Za-z0-9+/]*$/.test(digits)) throw malformed('no base64', text)
  return new Uint8Array(Buffer.from(digits, 'base64'))
}

function malformed(problem: string, text: string): FormatError {
  return new FormatError('hash', problem, `"${printable(text, 140)}"`)
}
