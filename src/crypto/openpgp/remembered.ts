/**
 * Signatures that were verified earlier and are no longer at hand. Their arithmetic has not
 * changed. Objections to them are derived from the certificate as it is today, just as for a
 * signature at hand.
 */
import { realpathSync } from 'node:fs'
import { FileError, readRegularFile } from '../../files/regular-file.ts'
import type { OpenPgpSignature } from '../../formats/openpgp/signature.ts'
import type { Key, OpenPgpKey } from '../../policy/policy.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { toHex } from '../../primitives/hex.ts'
import { printable } from '../../primitives/printable.ts'
import { sha256 } from '../../primitives/sodium.ts'
import type { DetachedResult, Recalling } from '../detached/kind.ts'
import { findCertificate } from './certificate.ts'
import type { Certificate } from './own-parts.ts'
import { bindingsOf } from './self-signatures.ts'
import { findObjection, firstEnd, type SignedForm, type Suspect } from './standing.ts'

const CERTIFICATE_LIMIT = 4 * 1024 * 1024

/**
 * Certificates by fingerprint and bytes, each verified once: many paths ask about the same ones.
 */
const parsed = new Map<string, Certificate>()
const PARSED_LIMIT = 64

const TRACE =
  /^openpgp:(bytes|text):([346])\.(\d{1,3})\.(\d{1,3})\.(\d{1,3}):(\d{1,10}):(\d{1,10}):([0-9A-F,]+)$/

/**
 * What is recorded of a good signature: everything that `findObjection` reads, and the fingerprints
 * of its keys.
 */
export function traceOf({ signature, signers, form }: Suspect): string {
  const { version, type, publicKeyAlgorithm, hashAlgorithm, created, lifetime = 0 } = signature
  const numbers = [version, type, publicKeyAlgorithm, hashAlgorithm].join('.')
  return [
    'openpgp',
    form,
    numbers,
    created,
    lifetime,
    signers.map(({ fingerprint }) => fingerprint).join(','),
  ].join(':')
}

/** Judges a signature with this trace by the certificate that the policy names now. */
export function recallOpenPgp(trace: string, key: Key, moment: Recalling): DetachedResult {
  if (key.kind !== 'openpgp') return { key, outcome: 'unknown-signer', detail: 'signed with an OpenPGP key' }
  try {
    const certificate = readCertificate(key)
    const suspect = certificate && suspectOf(trace, certificate)
    if (suspect !== undefined) return resultOf(suspect, key, { trace, ...moment })
    return { key, outcome: 'unknown-signer', detail: 'the certificate no longer has the key that signed' }
  } catch (error) {
    const isForeseen = error instanceof FormatError || error instanceof FileError
    if (!isForeseen) throw error
    return { key, outcome: 'unreadable', detail: error.message }
  }
}

function resultOf(
  suspect: Suspect,
  key: OpenPgpKey,
  { trace, now, seen }: Recalling & { readonly trace: string },
): DetachedResult {
  const objection = findObjection(suspect, now)
  const { certificate } = suspect
  if (objection?.kind !== 'revoked-key' && bindingsOf(certificate, certificate.primary).length === 0) {
    return { key, outcome: 'unreadable', detail: 'the certificate is only a part of one' }
  }
  if (objection !== undefined && objection.kind !== 'expired-since') {
    return { key, outcome: objection.kind, detail: objection.detail }
  }
  const { created: signedAt, lifetime } = suspect.signature
  // This machine's own clock saw it before the key expired, which is better than the signer's
  // claim.
  if (objection !== undefined && objection.keyExpired <= seen) {
    const { detail, keyExpired } = objection
    return { key, outcome: 'expired-since', detail, signedAt, keyExpired }
  }
  const ownEnd = lifetime ? signedAt + lifetime : undefined
  const keyEnds = objection === undefined ? firstEnd(suspect) : ownEnd
  const good = { key, outcome: 'good', detail: 'an OpenPGP signature', signedAt, trace } as const
  return keyEnds === undefined ? good : { ...good, keyEnds }
}

/** Undefined if a key that may have signed is missing: then the result is unknown. */
function suspectOf(trace: string, certificate: Certificate): Suspect | undefined {
  const [, form, version, type, publicKeyAlgorithm, hashAlgorithm, created, lifetime, fingerprints] =
    TRACE.exec(trace) ?? []
  if (fingerprints === undefined) return undefined
  const issuers = fingerprints.split(',')
  const keys = [certificate.primary, ...certificate.subkeys]
  const signers = keys.filter(({ fingerprint }) => issuers.includes(fingerprint))
  if (signers.length < issuers.length) return undefined
  const nothing = new Uint8Array()
  const signature: OpenPgpSignature = {
    version: Number(version) as OpenPgpSignature['version'],
    type: Number(type),
    publicKeyAlgorithm: Number(publicKeyAlgorithm),
    hashAlgorithm: Number(hashAlgorithm),
    created: Number(created),
    lifetime: Number(lifetime),
    issuers,
    // A tool verified it, so the tool understood its critical parts.
    hasUnknownCritical: false,
    proof: { hashed: nothing, salt: nothing, prefix: nothing, numbers: nothing },
    bytes: nothing,
  }
  return { signature, certificate, signers, form: form as SignedForm }
}

function readCertificate({ certificate, fingerprint }: OpenPgpKey): Certificate | undefined {
  let file: string
  try {
    file = realpathSync(certificate)
  } catch (error) {
    throw new FileError(`cannot read ${printable(certificate)}: ${printable((error as Error).message)}`)
  }
  const bytes = readRegularFile(file, CERTIFICATE_LIMIT)
  if (bytes === undefined) return undefined
  const name = `${fingerprint} ${toHex(sha256(bytes))}`
  const known = parsed.get(name) ?? findCertificate(bytes, fingerprint)?.verified()
  if (parsed.size >= PARSED_LIMIT) parsed.clear()
  if (known !== undefined) parsed.set(name, known)
  return known
}
