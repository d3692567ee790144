import { FormatError } from '../../primitives/format-error.ts'
import { printable } from '../../primitives/printable.ts'

/** The ten digits and the letters without e, o, t and u. */
const ALPHABET = '0123456789abcdfghijklmnpqrsvwxyz'

/**
 * Encodes bytes as Nix32 (Nix manual, "Nix32 encoding"): the bytes as one little-endian number, in
 * five-bit digits, the most significant first.
 */
export function toNix32(bytes: Uint8Array): string {
  let text = ''
  for (let place = nix32Length(bytes.length) - 1; place >= 0; place--) {
    const bit = place * 5
    const low = bytes[bit >> 3] ?? 0
    const high = bytes[(bit >> 3) + 1] ?? 0
    text += ALPHABET.charAt((((high << 8) | low) >> (bit & 7)) & 31)
  }
  return text
}

/**
 * Decodes Nix32. Throws FormatError for other characters, for a length that no number of bytes has,
 * and for bits set beyond the last byte: each value has only one text.
 */
export function fromNix32(text: string): Uint8Array {
  const bytes = new Uint8Array(Math.floor((text.length * 5) / 8))
  if (nix32Length(bytes.length) !== text.length) {
    throw new FormatError('nix32', 'not the length of whole bytes', `length ${text.length}`)
  }
  for (let place = 0; place < text.length; place++) {
    const offset = text.length - 1 - place
    const digit = ALPHABET.indexOf(text.charAt(offset))
    if (digit < 0) {
      throw new FormatError('nix32', `"${printable(text.charAt(offset))}" is not a digit`, `offset ${offset}`)
    }
    const at = (place * 5) >> 3
    const shifted = digit << ((place * 5) & 7)
    bytes[at] = (bytes[at] ?? 0) | (shifted & 255)
    const carry = shifted >> 8
    if (at + 1 < bytes.length) bytes[at + 1] = carry
    else if (carry !== 0) throw new FormatError('nix32', 'bits set beyond the last byte', `offset ${offset}`)
  }
  return bytes
}

/** The value of a digit, 0 to 31, by its ASCII code; undefined for all other codes. */
export function nix32Value(code: number | undefined): number | undefined {
  const value = VALUES[code ?? 256] ?? 255
  return value === 255 ? undefined : value
}

const VALUES = new Uint8Array(257).fill(255)
for (let value = 0; value < ALPHABET.length; value++) VALUES[ALPHABET.charCodeAt(value)] = value

/** How many digits this many bytes take. */
export function nix32Length(byteCount: number): number {
  return Math.ceil((byteCount * 8) / 5)
}
