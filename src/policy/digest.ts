import { toHex } from '../primitives/hex.ts'
import { sha256 } from '../primitives/sodium.ts'

/** A certificate file that a policy names. */
export interface CertificateFile {
  /** Absolute path. */
  readonly path: string
  readonly bytes: Uint8Array
}

/**
 * Identifies a policy by one value: the SHA-256, in lower-case hex, of `nixsig-policy-1`, the bytes
 * of policy.toml, and the path and bytes of each certificate file in the order of
 * `Policy.certificates`. Each part follows its length (eight bytes, little-endian), so that two
 * policies never give the same message.
 */
export function policyDigest(toml: Uint8Array, certificates: readonly CertificateFile[]): string {
  const parts: Uint8Array[] = [Buffer.from('nixsig-policy-1'), toml]
  for (const { path, bytes } of certificates) parts.push(Buffer.from(path, 'utf8'), bytes)
  return toHex(sha256(Buffer.concat(parts.flatMap(part => [lengthOf(part), part]))))
}

function lengthOf(part: Uint8Array): Uint8Array {
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(part.byteLength))
  return length
}
