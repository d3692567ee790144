/**
 * What speaks against a signature by an OpenPGP key beside its arithmetic, as of now. gpgv tells revoked and expired
 * keys only in passing, looks at keys only as they are now, and accepts SHA-1; sqv judges keys only as they were when
 * the signature was made, so that a key that expired or was retired since is good to it. What a key says of itself
 * counts as far as the key signed it; what nobody verified only takes trust away.
 */
import { isForSignatures } from '../../formats/openpgp/key-material.ts'
import type { OpenPgpSignature } from '../../formats/openpgp/signature.ts'
import { isModernHash } from './certificate.ts'
import type { Certificate, OwnKey } from './own-parts.ts'
import { claimsToBeBy } from './parts.ts'
import { bindingsOf, endOf, endsAt, hasFlags, mayBeUsed } from './self-signatures.ts'
import type { Statement } from './statements.ts'

/** Why a signature that verifies is not accepted, or not by everybody: `expired-since` is for the policy to decide. */
export type Objection =
  | {
      readonly kind: 'revoked-key' | 'expired-key' | 'expired-signature' | 'unacceptable'
      readonly detail: string
    }
  | ExpiredSince

/** Its key ended after it was made, by its own word; both in seconds since 1970. */
export interface ExpiredSince {
  readonly kind: 'expired-since'
  readonly signedAt: number
  readonly keyExpired: number
  readonly detail: string
}

/** What a signature is over (RFC 9580, section 5.2.1): the bytes of a file, or a text whatever its line ends are. */
export type SignedForm = 'bytes' | 'text'

const TYPES: Readonly<Record<SignedForm, number>> = { bytes: 0x00, text: 0x01 }

/** How far ahead a signer's clock may be, in seconds. */
const CLOCK_TOLERANCE = 300

/** RFC 9580, section 5.2.3.29: the key may sign data. */
const MAY_SIGN = 0x02

/** What is asked about: a signature that claims to be by `signers`, keys of this certificate. */
export interface Suspect {
  readonly signature: OpenPgpSignature
  readonly certificate: Certificate
  readonly signers: readonly OwnKey[]
  readonly form: SignedForm
}

/** A signature with those keys of a certificate that it claims to be by, which may be none. */
export function suspectOf(signature: OpenPgpSignature, certificate: Certificate, form: SignedForm): Suspect {
  const keys = [certificate.primary, ...certificate.subkeys]
  return { signature, certificate, form, signers: keys.filter(key => claimsToBeBy(signature, key)) }
}

/** The first objection, the gravest first; `now` in seconds. */
export function findObjection(suspect: Suspect, now: number): Objection | undefined {
  return (
    findRevocation(suspect) ??
    findWeakness(suspect, now) ??
    findMisuse(suspect) ??
    findLapse(suspect) ??
    findExpiredSignature(suspect, now) ??
    findEnd(suspect, now)
  )
}

/**
 * What follows from a key that ends at `end`, which has come, for a signature made at `signedAt`; the detail says which
 * key it is.
 */
export function afterEnd(end: number, signedAt: number, key: string): Objection {
  if (end <= signedAt) {
    return { kind: 'expired-key', detail: `signed ${day(signedAt)}, and key ${key} expired ${day(end)}` }
  }
  const detail = `signed ${day(signedAt)}, before key ${key} expired ${day(end)}`
  return { kind: 'expired-since', signedAt, keyExpired: end, detail }
}

/**
 * Whether sqv can use the certificate. It insists that, by the time of the signature, something better than SHA-1 had
 * bound the primary key and `signers` and said that they may sign. The policy pins the certificate by its fingerprint,
 * and to make up a binding to it takes a second preimage of its hash, which nobody can find, where a broken signature
 * over a file takes a mere collision.
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
  // Whatever the stated reason and the date: a retired key has no business signing a new release.
  const revoked = [certificate.primary, ...signers].find(key => key.revocations.length > 0)
  if (revoked !== undefined) return { kind: 'revoked-key', detail: `key ${revoked.fingerprint} is revoked` }
  const { doubt } = certificate
  return doubt === undefined ? undefined : { kind: 'revoked-key', detail: doubt }
}

function findWeakness({ signature, certificate, signers, form }: Suspect, now: number) {
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

/** When a signature that is good now ends, or one of its keys does, whichever is first; undefined: never. */
export function firstEnd({ signature, certificate, signers }: Suspect): number | undefined {
  const keys = [certificate.primary, ...signers].map(key => endOf(certificate, key))
  const own = signature.lifetime ? signature.created + signature.lifetime : undefined
  const ends = [own, ...keys].filter(end => end !== undefined)
  return ends.length === 0 ? undefined : Math.min(...ends)
}

/** Keys that nothing binds to their primary key, that are not for signing, or that were not there yet. */
function findMisuse({ signature, certificate, signers }: Suspect): Objection | undefined {
  const stray = signers.find(key => bindingsOf(certificate, key).length === 0)
  if (stray !== undefined) return unacceptable(`nothing binds subkey ${stray.fingerprint} to its primary key`)
  const mute = signers.find(key => !isForSignatures(key.algorithm))
  if (mute !== undefined) {
    return unacceptable(
      `key ${mute.fingerprint} is of algorithm ${mute.algorithm}, whose keys sign nothing here`,
    )
  }
  const unfit = signers.find(key => !mayBeUsed(certificate, key, MAY_SIGN))
  if (unfit !== undefined) return unacceptable(`key ${unfit.fingerprint} is not for signing`)
  const younger = [certificate.primary, ...signers].find(key => key.created > signature.created)
  return younger && unacceptable(`dated before key ${younger.fingerprint} was made`)
}

/** A key that was past its end when it signed, as far as it had said until then; it may have been prolonged later. */
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

function findExpiredSignature({ signature }: Suspect, now: number): Objection | undefined {
  const { created, lifetime } = signature
  if (!lifetime || created + lifetime > now) return undefined
  return { kind: 'expired-signature', detail: `the signature expired ${day(created + lifetime)}` }
}

/** The first end that has come, of the primary key or of those that signed. */
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
