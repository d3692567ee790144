import { toHex } from '../primitives/hex.ts'
import { sha256 } from '../primitives/sodium.ts'

/** A certificate file that a policy names. */
export interface CertificateFile {
  /** Absolute path. */
  readonly path: string
  readonly bytes: Uint8Array
}

/**
 * What a policy is, as one value: the SHA-256, in lower-case hex, of `nixsig-policy-1`, the bytes of policy.toml, and
 * path and bytes of each certificate in the order of `Policy.certificates`; each part after its length as eight bytes,
 * little-endian, so that no two policies run together into the same message.
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
