import { toBase64 } from '../../primitives/base64.ts'
import { fromHex } from '../../primitives/hex.ts'

/** A SHA-256 hash, given in hex, as locks write it. */
export function narHashWords(hex: string): string {
  return `sha256-${toBase64(fromHex(hex))}`
}
