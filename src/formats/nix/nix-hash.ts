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

/** The form that Nix prints: `sha256:<Nix32>`. */
export function printNixHash({ algorithm, hash }: NixHash): string {
  return `${algorithm}:${toNix32(fromHex(hash))}`
}

function fromDigits(digits: string, byteCount: number): Uint8Array {
  return digits.length === nix32Length(byteCount) ? fromNix32(digits) : fromHex(digits)
}

function malformed(problem: string, text: string): FormatError {
  return new FormatError('hash', problem, `"${printable(text, 140)}"`)
}
