import { createHash } from 'node:crypto'
import {
  type CertificateKey,
  type CertificateUser,
  parseCertificates,
} from '../../formats/openpgp/certificate.ts'
import type { OpenPgpSignature } from '../../formats/openpgp/signature.ts'
import { toHex } from '../../primitives/hex.ts'

/** A key that can be recognised as the maker of a signature. */
export interface NamedKey extends CertificateKey {
  /** Upper-case hex: 40 digits (version 4) or 64 (version 6). */
  readonly fingerprint: string
  /** Upper-case hex, 16 digits. */
  readonly keyId: string
}

/** The one certificate that the policy means. Still unverified: the tools verify it when they use it. */
export interface Certificate {
  readonly primary: NamedKey
  readonly subkeys: readonly NamedKey[]
  readonly users: readonly CertificateUser[]
  /** Binary: a keyring of this certificate alone. */
  readonly bytes: Uint8Array
}

/**
 * The certificate with this primary fingerprint among those of a file; undefined if it is not there. All copies of it
 * count together, as a tool that reads the file would merge them. Throws FormatError.
 */
export function findCertificate(file: Uint8Array, fingerprint: string): Certificate | undefined {
  const copies = parseCertificates(file).flatMap(certificate => {
    const primary = named(certificate.primary)
    return primary.fingerprint === fingerprint ? [{ ...certificate, primary }] : []
  })
  if (copies.length === 0) return undefined
  return {
    primary: copies.map(copy => copy.primary).reduce(mergedKey),
    subkeys: merge(
      copies.flatMap(copy => copy.subkeys.map(named)),
      key => key.fingerprint,
      mergedKey,
    ),
    users: merge(
      copies.flatMap(copy => copy.users),
      user => toHex(user.id),
      (one, other) => ({ ...one, signatures: [...one.signatures, ...other.signatures] }),
    ),
    bytes: Buffer.concat(copies.map(copy => copy.bytes)),
  }
}

/**
 * The primary fingerprints of all certificates of a file, each once, for when a person names a certificate by its file
 * alone: upper-case hex, 40 digits (version 4) or 64 (version 6); others have none. Throws FormatError.
 */
export function certificateFingerprints(file: Uint8Array): readonly string[] {
  const fingerprints = parseCertificates(file).map(certificate => named(certificate.primary).fingerprint)
  return [...new Set(fingerprints)].filter(fingerprint => fingerprint !== '')
}

/** SHA-2 and SHA-3 (RFC 9580, section 9.5). MD5, SHA-1 and RIPEMD-160 are what is left out. */
const MODERN_HASHES: readonly number[] = [8, 9, 10, 11, 12, 14]

/** Whether a hash algorithm of OpenPGP, by its number, binds what is hashed with it. */
export function isModernHash(algorithm: number): boolean {
  return MODERN_HASHES.includes(algorithm)
}

/** Whether a signature says that this key made it. Nobody has verified that yet. */
export function claimsToBeBy(signature: OpenPgpSignature, key: NamedKey): boolean {
  return signature.issuers.includes(key.fingerprint) || signature.issuers.includes(key.keyId)
}

function mergedKey(one: NamedKey, other: NamedKey): NamedKey {
  const hasRevocation = one.hasRevocation || other.hasRevocation
  return { ...one, signatures: [...one.signatures, ...other.signatures], hasRevocation }
}

function merge<T>(
  items: readonly T[],
  name: (item: T) => string,
  join: (one: T, other: T) => T,
): readonly T[] {
  const merged = new Map<string, T>()
  for (const item of items) {
    const before = merged.get(name(item))
    merged.set(name(item), before === undefined ? item : join(before, item))
  }
  return [...merged.values()]
}

/** RFC 9580, section 5.5.4. A key of another version gets a fingerprint that nothing can name. */
function named(key: CertificateKey): NamedKey {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(key.body.length)
  if (key.version === 6) {
    const hash = createHash('sha256').update(Uint8Array.of(0x9b)).update(length).update(key.body)
    const fingerprint = toHex(hash.digest()).toUpperCase()
    return { ...key, fingerprint, keyId: fingerprint.slice(0, 16) }
  }
  if (key.version !== 4) return { ...key, fingerprint: '', keyId: '' }
  const hash = createHash('sha1').update(Uint8Array.of(0x99)).update(length.subarray(2)).update(key.body)
  const fingerprint = toHex(hash.digest()).toUpperCase()
  return { ...key, fingerprint, keyId: fingerprint.slice(-16) }
}
