/** The certificates in key files of distributions: found, merged, minimised and judged. */
import { findCertificate } from '../../crypto/openpgp/certificate.ts'
import { endOf } from '../../crypto/openpgp/self-signatures.ts'
import { CERTIFICATE_LIMIT } from '../../formats/lists/listed.ts'
import { type OpenPgpCertificate, parseCertificates } from '../../formats/openpgp/certificate.ts'
import { TAG } from '../../formats/openpgp/packets.ts'
import { keysOfCertificates } from '../../policy/language/openpgp-keys.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { printable } from '../../primitives/printable.ts'
import type { Counts, Remark } from './finding.ts'

/** Limit, in bytes, of a key file. */
export const KEY_FILE_LIMIT = 1024 * 1024
/** Whole projects have one file, of which a package may name some. */
const CERTIFICATES_IN_FILE = 256

/** RFC 9580, section 9.1: RSA in its three numbers, and DSA. */
const WITH_MODULUS: readonly number[] = [1, 2, 3, 17]
const SHORTEST = 2048

/** A certificate that is fit for a list. */
export interface FitCertificate {
  /** Upper-case hex. */
  readonly fingerprint: string
  /**
   * Binary: the primary key, what it states of itself and its user ids, subkeys and revocations.
   */
  readonly bytes: Uint8Array
  /** The first user id, if it can be shown: a claim. */
  readonly about?: string
  readonly isExpired: boolean
  /** See HeldKey. */
  readonly ownerships: readonly string[]
}

/**
 * The copies of certificates in a file, by fingerprint. Throws FormatError for a file that is
 * larger than 1 MiB, has more than 256 certificates, holds a secret key, or is malformed.
 */
export function copiesIn(file: Uint8Array): ReadonlyMap<string, readonly Uint8Array[]> {
  if (file.length > KEY_FILE_LIMIT) throw malformed(`a key file of more than ${KEY_FILE_LIMIT} bytes`)
  const certificates = parseCertificates(file)
  if (certificates.length > CERTIFICATES_IN_FILE)
    throw malformed(`more than ${CERTIFICATES_IN_FILE} certificates in a file`)
  const copies = new Map<string, Uint8Array[]>()
  for (const { primary, bytes } of certificates) {
    if (primary.fingerprint === '') continue
    copies.set(primary.fingerprint, [...(copies.get(primary.fingerprint) ?? []), bytes])
  }
  return copies
}

/**
 * Merges the copies of a certificate and judges it as of an instant (seconds since 1970). Undefined
 * for one that no list should have: it was revoked, its primary key is too short or can be used by
 * everybody, or it is too large. Counts which.
 */
export function fitCertificate(
  fingerprint: string,
  copies: readonly Uint8Array[],
  { now, counts, remark }: { readonly now: number; readonly counts: Counts; readonly remark: Remark },
): FitCertificate | undefined {
  const leaveOut = (what: string, why: string) => {
    counts.add(what)
    remark(`${fingerprint} is left out: ${why}`)
    return undefined
  }
  try {
    const file = Buffer.concat(copies)
    const certificate = findCertificate(file, fingerprint)?.verified()
    if (certificate === undefined) return undefined
    const { primary, bytes, doubt } = certificate
    if (primary.revocations.length > 0 || doubt !== undefined)
      return leaveOut('revoked', doubt ?? 'it was revoked')
    if (WITH_MODULUS.includes(primary.algorithm) && (primary.bits ?? 0) < SHORTEST)
      return leaveOut('short', `its primary key has ${primary.bits ?? 0} bits, fewer than ${SHORTEST}`)
    if (bytes.length > CERTIFICATE_LIMIT)
      return leaveOut('unfit', `it has more than ${CERTIFICATE_LIMIT} bytes`)
    const end = endOf(certificate, primary)
    const [parsed] = parseCertificates(bytes)
    const about = parsed && claimOf(parsed)
    const held = keysOfCertificates()({ path: fingerprint, bytes: Buffer.from(bytes) }, fingerprint) ?? []
    return {
      fingerprint,
      bytes,
      ...(about !== undefined && { about }),
      isExpired: end !== undefined && end <= now,
      ownerships: held.map(({ ownership }) => ownership),
    }
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    return leaveOut('unfit', error.message)
  }
}

function claimOf({ users }: OpenPgpCertificate): string | undefined {
  const id = users.find(({ tag }) => tag === TAG.userId)?.id
  if (id === undefined) return undefined
  const text = Buffer.from(id).toString('utf8').trim()
  const isShown = text.length > 0 && text.length <= 200 && printable(text, 1000) === text
  return isShown && !text.includes('\\') && !text.includes('\ufffd') ? text : undefined
}

function malformed(problem: string): FormatError {
  return new FormatError('key file', problem, 'certificates')
}
