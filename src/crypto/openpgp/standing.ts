/**
 * What speaks against a signature by an OpenPGP key beside its arithmetic, as of now. gpgv tells revoked and expired
 * keys only in passing and accepts SHA-1; sqv judges keys as of the time of the signature, so a
 * key that expired or was retired since is good to it. What is read here is not verified, and need not be: it comes
 * from a certificate that the policy pins, and it can only ever take trust away.
 */
import type { OpenPgpSignature } from '../../formats/openpgp-signature.ts'
import { type Certificate, claimsToBeBy, type NamedKey } from './certificate.ts'

/** Why a signature that verifies is not accepted. */
export interface Objection {
  readonly kind: 'revoked-key' | 'expired-key' | 'expired-signature' | 'unacceptable'
  readonly detail: string
}

/** How far ahead a signer's clock may be, in seconds. */
const CLOCK_TOLERANCE = 300

/** RFC 9580, section 9.5: SHA-2 and SHA-3. MD5, SHA-1 and RIPEMD-160 are what is left out. */
const HASHES: readonly number[] = [8, 9, 10, 11, 12, 14]

const TYPE = { binary: 0x00, directKey: 0x1f, subkeyBinding: 0x18, keyRevoked: 0x20, subkeyRevoked: 0x28 }

/** The first objection to a signature that claims to be by `signers`, keys of this certificate; `now` in seconds. */
export function findObjection(
  signature: OpenPgpSignature,
  certificate: Certificate,
  signers: readonly NamedKey[],
  now: number,
): Objection | undefined {
  return (
    findRevocation(certificate, signers) ??
    findWeakness(signature, [certificate.primary, ...signers], now) ??
    findExpiredKey(certificate, signers, now) ??
    findExpiredSignature(signature, now)
  )
}

/**
 * Whether the certificate vouched for itself and for `signers`, as of the time of a signature, by anything better than
 * SHA-1. sqv insists on that; for a certificate that the policy pins by its fingerprint it adds nothing.
 */
export function isBoundForSqv(certificate: Certificate, signers: readonly NamedKey[], time: number): boolean {
  const isModern = (signature: OpenPgpSignature) =>
    HASHES.includes(signature.hashAlgorithm) && signature.created <= time
  const own = [...certificate.primary.signatures, ...certificate.certifications]
  return (
    own.some(signature => isOwn(signature, certificate) && isModern(signature)) &&
    signers.every(key => key === certificate.primary || bindings(key).some(isModern))
  )
}

function findRevocation(certificate: Certificate, signers: readonly NamedKey[]): Objection | undefined {
  // Whatever the stated reason and the date: a retired key has no business signing a new release.
  const revoked = [certificate.primary, ...signers].find(key => {
    const type = key === certificate.primary ? TYPE.keyRevoked : TYPE.subkeyRevoked
    return key.signatures.some(signature => signature.type === type)
  })
  return revoked && { kind: 'revoked-key', detail: `key ${revoked.fingerprint} is revoked` }
}

function findWeakness(
  signature: OpenPgpSignature,
  keys: readonly NamedKey[],
  now: number,
): Objection | undefined {
  const objection = (detail: string): Objection => ({ kind: 'unacceptable', detail })
  if (signature.version === 3) return objection('a signature of version 3, obsolete since 2007')
  // A text signature is also good for the file with other line ends.
  if (signature.type !== TYPE.binary) {
    return objection(`a signature of type ${signature.type}, not one over the bytes of a file`)
  }
  if (!HASHES.includes(signature.hashAlgorithm)) {
    return objection(`made with ${hashName(signature.hashAlgorithm)}, which is broken or unknown`)
  }
  const short = keys.find(key => key.bits !== undefined && key.bits < 2048)
  if (short !== undefined) return objection(`key ${short.fingerprint} has only ${short.bits} bits`)
  if (signature.created > now + CLOCK_TOLERANCE) return objection('dated in the future')
  return undefined
}

function findExpiredKey(
  certificate: Certificate,
  signers: readonly NamedKey[],
  now: number,
): Objection | undefined {
  const { primary } = certificate
  const lifetimes: (readonly [NamedKey, number | undefined])[] = [
    [primary, primaryLifetime(certificate)],
    ...signers.filter(key => key !== primary).map(key => [key, newest(bindings(key))?.keyLifetime] as const),
  ]
  for (const [key, lifetime] of lifetimes) {
    if (!lifetime || key.created + lifetime > now) continue
    return { kind: 'expired-key', detail: `key ${key.fingerprint} expired ${day(key.created + lifetime)}` }
  }
  return undefined
}

function findExpiredSignature(signature: OpenPgpSignature, now: number): Objection | undefined {
  const { created, lifetime } = signature
  if (!lifetime || created + lifetime > now) return undefined
  return { kind: 'expired-signature', detail: `the signature expired ${day(created + lifetime)}` }
}

/** As GnuPG reads it: what the newest direct-key signature says, else the newest self-signature on any user id. */
function primaryLifetime(certificate: Certificate): number | undefined {
  const direct = certificate.primary.signatures.filter(
    signature => signature.type === TYPE.directKey && isOwn(signature, certificate),
  )
  const certifications = certificate.certifications.filter(
    signature => signature.type >= 0x10 && signature.type <= 0x13 && isOwn(signature, certificate),
  )
  return newest(direct)?.keyLifetime ?? newest(certifications)?.keyLifetime
}

function bindings(subkey: NamedKey): readonly OpenPgpSignature[] {
  return subkey.signatures.filter(signature => signature.type === TYPE.subkeyBinding)
}

function isOwn(signature: OpenPgpSignature, certificate: Certificate): boolean {
  return claimsToBeBy(signature, certificate.primary)
}

function newest(signatures: readonly OpenPgpSignature[]): OpenPgpSignature | undefined {
  return signatures.reduce<OpenPgpSignature | undefined>(
    (latest, signature) => (latest && latest.created > signature.created ? latest : signature),
    undefined,
  )
}

function hashName(algorithm: number): string {
  const names: Readonly<Record<number, string>> = { 1: 'MD5', 2: 'SHA-1', 3: 'RIPEMD-160' }
  return names[algorithm] ?? `hash algorithm ${algorithm}`
}

function day(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 10)
}
