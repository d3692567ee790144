/**
 * Objections, as of now, to a signature by an OpenPGP key beyond its arithmetic. gpgv reports
 * revoked and expired keys only in passing, judges keys only as they are now, and accepts SHA-1.
 * sqv judges keys only as they were when the signature was made, so it accepts a key that has
 * expired or been retired since. A key's statements about itself count if the key signed them;
 * unverified ones can only reduce trust.
 */
import { isForSignatures } from '../../formats/openpgp/key-material.ts'
import type { OpenPgpSignature } from '../../formats/openpgp/signature.ts'
import { isModernHash } from './certificate.ts'
import type { Certificate, OwnKey } from './own-parts.ts'
import { claimsToBeBy } from './parts.ts'
import { bindingsOf, endOf, endsAt, hasFlags, mayBeUsed } from './self-signatures.ts'
import type { Statement } from './statements.ts'

/**
 * Why a signature that verifies is not accepted, or not always: `expired-since` is left to the
 * policy.
 */
export type Objection =
  | {
      readonly kind: 'revoked-key' | 'expired-key' | 'expired-signature' | 'unacceptable'
      readonly detail: string
    }
  | ExpiredSince

/**
 * Its key expired after it was made, as the signer claims. Both times are in seconds since 1970.
 */
export interface ExpiredSince {
  readonly kind: 'expired-since'
  readonly signedAt: number
  readonly keyExpired: number
  readonly detail: string
}

/**
 * What a signature is over (RFC 9580, section 5.2.1): the bytes of a file, or a text regardless of
 * its line ends.
 */
export type SignedForm = 'bytes' | 'text'

const TYPES: Readonly<Record<SignedForm, number>> = { bytes: 0x00, text: 0x01 }

/** How many seconds a signer's clock may be ahead. */
const CLOCK_TOLERANCE = 300

/** RFC 9580, section 5.2.3.29: the key may sign data. */
const MAY_SIGN = 0x02

/** The signature in question, which claims to be by `signers`, keys of this certificate. */
export interface Suspect {
  readonly signature: OpenPgpSignature
  readonly certificate: Certificate
  readonly signers: readonly OwnKey[]
  readonly form: SignedForm
}

/** A signature with the keys of a certificate that it claims to be by, possibly none. */
export function suspectOf(signature: OpenPgpSignature, certificate: Certificate, form: SignedForm): Suspect {
  const keys = [certificate.primary, ...certificate.subkeys]
  return { signature, certificate, form, signers: keys.filter(key => claimsToBeBy(signature, key)) }
}

/** The gravest objection; undefined without any. `now` is in seconds since 1970. */
export function findObjection(suspect: Suspect, now: number): Objection | undefined {
  return findRevocation(suspect) ?? findFlaw(suspect, now) ?? findEnd(suspect, now)
}

/**
 * The gravest objection that holds whatever became of the keys later: to the signature itself, and
 * to the keys as they were when it was made, apart from revocations. `now` is in seconds since
 * 1970.
 */
export function findFlaw(suspect: Suspect, now: number): Objection | undefined {
  return (
    findWeakness(suspect, now) ??
    findMisuse(suspect) ??
    findLapse(suspect) ??
    findExpiredSignature(suspect, now)
  )
}

/**
 * The objection to a signature made at `signedAt` by a key that expired at `end`, which is past.
 * `key` says in the detail which key that is.
 */
export function afterEnd(end: number, signedAt: number, key: string): Objection {
  if (end <= signedAt) {
    return { kind: 'expired-key', detail: `signed ${day(signedAt)}, and key ${key} expired ${day(end)}` }
  }
  const detail = `signed ${day(signedAt)}, before key ${key} expired ${day(end)}`
  return { kind: 'expired-since', signedAt, keyExpired: end, detail }
}

/**
 * Whether sqv can use the certificate. It requires that, by the time of the signature, something
 * better than SHA-1 had bound the primary key and `signers` and stated that they may sign. The
 * SHA-1 binding itself is safe: the policy pins the certificate by its fingerprint, and forging a
 * binding takes a second preimage, which nobody can find, while forging a signature over a file
 * takes only a collision.
 */
export function isUsableForSqv({ certificate, signers, signature }: Suspect): boolean {
  const isModern = ({ signature: { hashAlgorithm, created } }: Statement) =>
    isModernHash(hashAlgorithm) && created <= signature.created
  return (
    [certificate.primary, ...signers].every(key => bindingsOf(certificate, key).some(isModern)) &&
    signers.every(key => hasFlags(certificate, key))
  )
}

function findRevocation({ certificate, signers }: Suspect): Objection | undefined {
  // Whatever the stated reason and date are: a retired key must not sign a new release.
  const revoked = [certificate.primary, ...signers].find(key => key.revocations.length > 0)
  if (revoked !== undefined) return { kind: 'revoked-key', detail: `key ${revoked.fingerprint} is revoked` }
  const { doubt } = certificate
  return doubt === undefined ? undefined : { kind: 'revoked-key', detail: doubt }
}

/** An objection to how a signature was made, by itself or by its keys. */
export function findWeakness(
  { signature, certificate, signers, form }: Suspect,
  now: number,
): Objection | undefined {
  if (signature.version === 3) return unacceptable('a signature of version 3, obsolete since 2007')
  // A text signature is also good for the file with other line ends.
  if (signature.type !== TYPES[form]) {
    const wanted = form === 'bytes' ? 'one over the bytes of a file' : 'one over text'
    return unacceptable(`a signature of type ${signature.type}, not ${wanted}`)
  }
  if (!isModernHash(signature.hashAlgorithm)) {
    return unacceptable(`made with ${hashName(signature.hashAlgorithm)}, which is broken or unknown`)
  }
  const short = [certificate.primary, ...signers].find(key => key.bits !== undefined && key.bits < 2048)
  if (short !== undefined) return unacceptable(`key ${short.fingerprint} has only ${short.bits} bits`)
  if (signature.created > now + CLOCK_TOLERANCE) return unacceptable('dated in the future')
  return undefined
}

/** When a signature that is good now, or one of its keys, first expires; undefined if never. */
export function firstEnd({ signature, certificate, signers }: Suspect): number | undefined {
  const keys = [certificate.primary, ...signers].map(key => endOf(certificate, key))
  const own = signature.lifetime ? signature.created + signature.lifetime : undefined
  const ends = [own, ...keys].filter(end => end !== undefined)
  return ends.length === 0 ? undefined : Math.min(...ends)
}

/**
 * An objection to keys that are not bound to their primary key, may not sign, or did not exist yet.
 */
function findMisuse({ signature, certificate, signers }: Suspect): Objection | undefined {
  const stray = signers.find(key => bindingsOf(certificate, key).length === 0)
  if (stray !== undefined) return unacceptable(`nothing binds subkey ${stray.fingerprint} to its primary key`)
  const mute = signers.find(key => !isForSignatures(key.algorithm))
  if (mute !== undefined) {
    return unacceptable(
      `key ${mute.fingerprint} is of algorithm ${mute.algorithm}, whose keys cannot sign here`,
    )
  }
  const unfit = signers.find(key => !mayBeUsed(certificate, key, MAY_SIGN))
  if (unfit !== undefined) return unacceptable(`key ${unfit.fingerprint} is not for signing`)
  const younger = [certificate.primary, ...signers].find(key => key.created > signature.created)
  return younger && unacceptable(`dated before key ${younger.fingerprint} was made`)
}

/**
 * An objection to a key that had expired when it signed, by its statements up to then. It may have
 * been extended later.
 */
function findLapse({ signature, certificate, signers }: Suspect): Objection | undefined {
  for (const key of new Set([certificate.primary, ...signers])) {
    const said = bindingsOf(certificate, key).map(statement => statement.signature.created)
    const known = said.some(created => created <= signature.created)
    const end = known ? endsAt(certificate, key, signature.created) : undefined
    if (end !== undefined && end <= signature.created)
      return afterEnd(end, signature.created, key.fingerprint)
  }
  return undefined
}

/** An objection to a signature that has ended by itself. */
export function findExpiredSignature({ signature }: Suspect, now: number): Objection | undefined {
  const { created, lifetime } = signature
  if (!lifetime || created + lifetime > now) return undefined
  return { kind: 'expired-signature', detail: `the signature expired ${day(created + lifetime)}` }
}

/** An objection for the first expiry that has passed, of the primary key or of the signing keys. */
function findEnd({ signature, certificate, signers }: Suspect, now: number): Objection | undefined {
  const ended = [...new Set([certificate.primary, ...signers])]
    .flatMap(key => {
      const end = endOf(certificate, key)
      return end === undefined || end > now ? [] : [{ end, key }]
    })
    .sort((a, b) => a.end - b.end)
  const [first] = ended
  return first && afterEnd(first.end, signature.created, first.key.fingerprint)
}

function unacceptable(detail: string): Objection {
  return { kind: 'unacceptable', detail }
}

function hashName(algorithm: number): string {
  const names: Readonly<Record<number, string>> = { 1: 'MD5', 2: 'SHA-1', 3: 'RIPEMD-160' }
  return names[algorithm] ?? `hash algorithm ${algorithm}`
}

function day(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 10)
}
