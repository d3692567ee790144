import { FormatError } from './format-error.ts'

const DIGITS = '0123456789abcdef'

/** Lower-case base16 (RFC 4648, section 8; lower case as Nix prints it). */
export function toHex(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += DIGITS.charAt(byte >> 4) + DIGITS.charAt(byte & 15)
  return text
}

/**
 * Decodes lower-case base16. Throws FormatError for an odd length, an upper-case letter or any
 * other character.
 */
export function fromHex(text: string): Uint8Array {
  if (text.length % 2 !== 0) throw new FormatError('hex', 'odd number of digits', `length ${text.length}`)
  const bytes = new Uint8Array(text.length / 2)
  for (let i = 0; i < text.length; i++) {
    const digit = DIGITS.indexOf(text.charAt(i))
    if (digit < 0) throw new FormatError('hex', 'not a lower-case hexadecimal digit', `offset ${i}`)
    bytes[i >> 1] = ((bytes[i >> 1] ?? 0) << 4) | digit
  }
  return bytes
}
