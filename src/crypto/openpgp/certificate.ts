/**
 * Finds the certificate that a policy names in a file that may contain others, copies, and
 * misplaced packets.
 */

import { type OpenPgpCertificate, parseCertificates } from '../../formats/openpgp/certificate.ts'
import { fitMaterialOf } from '../../formats/openpgp/fit-key.ts'
import type { KeyPacket } from '../../formats/openpgp/key-packet.ts'
import { canonicalBytes } from './canonical.ts'
import type { Certificate } from './own-parts.ts'
import { type Parts, partsOf } from './parts.ts'
import { placeRevocations } from './revocations.ts'
import { selfVerifier } from './self-verification.ts'
import { placeStatements } from './statements.ts'

/** A certificate that was found in a file and is not verified yet. */
export interface FoundCertificate {
  /** The primary key and all subkeys, whether bound or not. */
  readonly keys: readonly KeyPacket[]
  /**
   * Verifies the self-signatures, which takes some time, and returns the certificate in canonical
   * order.
   */
  verified(): Certificate
}

/**
 * Finds the certificate with this primary fingerprint in a file; undefined if absent. All copies of
 * it are merged, each self-signature counts for what it was made over wherever it stands, and
 * revocations are searched in the whole file. Throws FormatError, also if one of its keys, bound or
 * not, can be used by everybody or has more than one spelling.
 */
export function findCertificate(file: Uint8Array, fingerprint: string): FoundCertificate | undefined {
  const all = parseCertificates(file)
  const copies = all.filter(({ primary }) => primary.fingerprint === fingerprint)
  const [first] = copies
  if (first === undefined) return undefined
  const parts = partsOf(first.primary, copies)
  const keys = [parts.primary, ...parts.subkeys]
  keys.forEach(fitMaterialOf)
  return { keys, verified: () => verifiedCertificate(all, copies, parts) }
}

function verifiedCertificate(
  all: readonly OpenPgpCertificate[],
  copies: readonly OpenPgpCertificate[],
  parts: Parts,
): Certificate {
  const revocations = placeRevocations(all, parts, selfVerifier())
  const statements = placeStatements(copies, parts, selfVerifier())
  const withAll = <T extends object>(part: T) => ({
    ...part,
    statements: statements.get(part) ?? [],
    revocations: revocations.placed.get(part) ?? [],
  })
  const certificate = {
    primary: withAll(parts.primary),
    subkeys: parts.subkeys.map(withAll),
    users: parts.users.map(withAll),
    directRevocations: revocations.placed.get(parts) ?? [],
    ...(revocations.doubt === undefined ? {} : { doubt: revocations.doubt }),
  }
  return { ...certificate, bytes: canonicalBytes(certificate) }
}

/**
 * The primary fingerprints of all certificates in a file, each once, for a certificate that a
 * person names by its file alone: upper-case hex, 40 digits (version 4) or 64 (version 6). Keys of
 * other versions have none. Throws FormatError, also for keys that findCertificate refuses.
 */
export function certificateFingerprints(file: Uint8Array): readonly string[] {
  const certificates = parseCertificates(file)
  for (const { primary, subkeys } of certificates) [primary, ...subkeys].forEach(fitMaterialOf)
  const fingerprints = certificates.map(({ primary }) => primary.fingerprint)
  return [...new Set(fingerprints)].filter(fingerprint => fingerprint !== '')
}

/** SHA-2 and SHA-3 (RFC 9580, section 9.5), but not MD5, SHA-1 and RIPEMD-160. */
const MODERN_HASHES: readonly number[] = [8, 9, 10, 11, 12, 14]

/** Whether the OpenPGP hash algorithm with this number is collision-resistant. */
export function isModernHash(algorithm: number): boolean {
  return MODERN_HASHES.includes(algorithm)
}
