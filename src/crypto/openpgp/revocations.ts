/**
 * Assigns the revocations in a file to keys. GnuPG only looks for them in their proper places, and
 * Sequoia reorders a certificate first. Here all revocations of a file are looked at, and each is
 * assigned to the key that made it. One that no key made is not ignored.
 */
import type { CertificateSignature, OpenPgpCertificate } from '../../formats/openpgp/certificate.ts'
import type { KeyPacket } from '../../formats/openpgp/key-packet.ts'
import type { OpenPgpSignature } from '../../formats/openpgp/signature.ts'
import { claimsToBeBy, type Parts, targetOf } from './parts.ts'
import type { SelfVerifier } from './self-verification.ts'

/**
 * RFC 9580, section 5.2.1: revocations of a key, of a subkey, and of a certification or direct-key
 * signature.
 */
const TYPE = { key: 0x20, subkey: 0x28, certification: 0x30 }

/** The revocations that concern a certificate. */
export interface Revocations {
  /**
   * Revocation packets by the revoked part of the certificate. Those of direct-key signatures are
   * listed under the parts object itself.
   */
  readonly placed: ReadonlyMap<object, readonly Uint8Array[]>
  /** Why the whole certificate is refused: a revocation in the file that may concern it. */
  readonly doubt?: string
}

/** The revocations in all certificates of a file that concern the certificate with these parts. */
export function placeRevocations(
  all: readonly OpenPgpCertificate[],
  parts: Parts,
  verifier: SelfVerifier,
): Revocations {
  const placed = new Map<object, Uint8Array[]>()
  let doubt: string | undefined
  for (const found of revocationsIn(all)) {
    const concern = concernOf(found, all, parts, verifier)
    if (typeof concern === 'string') doubt ??= concern
    else if (concern !== undefined) placed.set(concern, [...(placed.get(concern) ?? []), found.bytes])
  }
  if (verifier.isExhausted()) doubt ??= 'the file holds more revocations than can be looked at'
  return doubt === undefined ? { placed } : { placed, doubt }
}

function revocationsIn(all: readonly OpenPgpCertificate[]): readonly CertificateSignature[] {
  const types: readonly number[] = Object.values(TYPE)
  const parts = all.flatMap(({ primary, subkeys, users }) => [primary, ...subkeys, ...users])
  return parts.flatMap(part => part.signatures).filter(({ type }) => types.includes(type))
}

/**
 * The part that it revokes; undefined if it does not concern this certificate. A text says why it
 * may concern it.
 */
function concernOf(
  { type, signature }: CertificateSignature,
  all: readonly OpenPgpCertificate[],
  parts: Parts,
  verifier: SelfVerifier,
): object | string | undefined {
  if (signature === undefined) return 'the file holds a revocation that cannot be read'
  const { primary, subkeys, users } = parts
  const candidates = { [TYPE.key]: [primary], [TYPE.subkey]: subkeys }[type] ?? [...users, primary]
  const isOthers = type === TYPE.certification && !claimsToBeBy(signature, primary)
  // Other keys revoke their own certifications, and those keys need not be in the file.
  if (isOthers && signature.issuers.length > 0) return undefined
  const made = candidates.find(part => verifier.verifies(signature, primary, targetOf(part, parts)))
  if (made !== undefined) return type === TYPE.certification && made === primary ? parts : made
  const signers = all.map(other => other.primary).filter(other => claimsToBeBy(signature, other))
  if (
    all.some(other => signers.includes(other.primary) && isAbout(signature, other, other.primary, verifier))
  ) {
    return undefined
  }
  if (claimsToBeBy(signature, primary)) {
    // It may belong to another key that designated this one as its revoker. Otherwise its target is
    // unknown.
    if (all.some(other => isAbout(signature, other, primary, verifier))) return undefined
    return `the file holds a revocation in the name of key ${primary.fingerprint} that does not verify`
  }
  const revoker = signers.find(signer =>
    candidates.some(part => verifier.verifies(signature, primary, targetOf(part, parts), signer)),
  )
  if (revoker !== undefined) return `key ${revoker.fingerprint} revoked key ${primary.fingerprint}`
  if (signers.length > 0) return undefined
  const [issuer = 'a key that it does not name'] = signature.issuers
  return `the file holds a revocation by ${issuer}, which is not the primary key of a certificate in it`
}

/** Whether this key made it over the primary key of a certificate, or over one of its subkeys. */
function isAbout(
  signature: OpenPgpSignature,
  { primary, subkeys }: OpenPgpCertificate,
  signer: KeyPacket,
  verifier: SelfVerifier,
): boolean {
  if (signature.type === TYPE.key) return verifier.verifies(signature, primary, { kind: 'primary' }, signer)
  if (signature.type !== TYPE.subkey) return false
  return subkeys.some(key => verifier.verifies(signature, primary, { kind: 'subkey', key }, signer))
}
