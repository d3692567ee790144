import { toHex } from '../primitives/hex.ts'
import { sha256 } from '../primitives/sodium.ts'
import type { ListInForce } from './lists/book.ts'

/** A certificate file that a policy names. */
export interface CertificateFile {
  /** Absolute path. */
  readonly path: string
  readonly bytes: Uint8Array
}

/**
 * Identifies a policy by one value: the SHA-256, in lower-case hex, of `nixsig-policy-1`, the bytes
 * of policy.toml, and the path and bytes of each certificate file in the order of
 * `Policy.certificates`; then, for each list in the order of `Policy.lists`, its name and the
 * digest of its book, empty for a list without one. When a list ends is not part of it. Each part
 * follows its length (eight bytes, little-endian), so that two policies never give the same
 * message.
 */
export function policyDigest(
  toml: Uint8Array,
  certificates: readonly CertificateFile[],
  lists: readonly ListInForce[],
): string {
  const parts: Uint8Array[] = [Buffer.from('nixsig-policy-1'), toml]
  for (const { path, bytes } of certificates) parts.push(Buffer.from(path, 'utf8'), bytes)
  for (const { name, book } of lists) {
    const state = 'problem' in book ? '' : book.digest
    parts.push(Buffer.from(`list ${name}`, 'utf8'), Buffer.from(state, 'utf8'))
  }
  return toHex(sha256(Buffer.concat(parts.flatMap(part => [lengthOf(part), part]))))
}

function lengthOf(part: Uint8Array): Uint8Array {
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(part.byteLength))
  return length
}
