import { FormatError } from './format-error.ts'

/** Standard, padded base64 (RFC 4648, section 4). */
export function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}

/**
 * Decodes standard, padded base64 and nothing else: no white space, no URL alphabet, no missing
 * padding, no stray bits under the padding. So each value has exactly one text. Throws FormatError.
 */
export function fromBase64(text: string): Uint8Array {
  const bytes = new Uint8Array(Buffer.from(text, 'base64'))
  if (toBase64(bytes) !== text) {
    throw new FormatError('base64', 'not standard padded base64', `length ${text.length}`)
  }
  return bytes
}
