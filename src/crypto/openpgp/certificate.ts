/**
 * The one certificate that a policy means, out of a file that may hold others, copies, and what does not belong
 * there.
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

/** A certificate that was found in a file, and not verified yet. */
export interface FoundCertificate {
  /** The primary key and all subkeys, bound or not. */
  readonly keys: readonly KeyPacket[]
  /** Verifies what the certificate says of itself, which takes some time, and puts it in order. */
  verified(): Certificate
}

/**
 * The certificate with this primary fingerprint among those of a file; undefined if it is not there. All copies of it
 * count together, each self-signature for what it was made over wherever it stands, and revocations are looked for in
 * the whole file. Throws FormatError, also for a key of it, bound or not, that everybody can use or that has more than
 * one spelling.
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
 * The primary fingerprints of all certificates of a file, each once, for when a person names a certificate by its file
 * alone: upper-case hex, 40 digits (version 4) or 64 (version 6); others have none. Throws FormatError, also for keys of
 * which findCertificate would throw it.
 */
export function certificateFingerprints(file: Uint8Array): readonly string[] {
  const certificates = parseCertificates(file)
  for (const { primary, subkeys } of certificates) [primary, ...subkeys].forEach(fitMaterialOf)
  const fingerprints = certificates.map(({ primary }) => primary.fingerprint)
  return [...new Set(fingerprints)].filter(fingerprint => fingerprint !== '')
}

/** SHA-2 and SHA-3 (RFC 9580, section 9.5). MD5, SHA-1 and RIPEMD-160 are what is left out. */
const MODERN_HASHES: readonly number[] = [8, 9, 10, 11, 12, 14]

/** Whether a hash algorithm of OpenPGP, by its number, binds what is hashed with it. */
export function isModernHash(algorithm: number): boolean {
  return MODERN_HASHES.includes(algorithm)
}
