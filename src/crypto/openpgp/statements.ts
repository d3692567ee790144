import type { OpenPgpCertificate } from '../../formats/openpgp/certificate.ts'
import type { KeyPacket } from '../../formats/openpgp/key-packet.ts'
import type { OpenPgpSignature } from '../../formats/openpgp/signature.ts'
import { toHex } from '../../primitives/hex.ts'
import { claimsToBeBy, type Part, type Parts, signaturesOf, targetOf } from './parts.ts'
import type { SelfVerifier, Target } from './self-verification.ts'

/**
 * A self-signature, and whether the primary key made it. If it did not, it only counts against the
 * key.
 */
export interface Statement {
  readonly signature: OpenPgpSignature
  readonly isVerified: boolean
}

/** RFC 9580, section 5.2.1. */
const TYPE = { directKey: 0x1f, subkeyBinding: 0x18, generic: 0x10, positive: 0x13 }

/** Assigns self-signatures to the parts that they are about. */
export function placeStatements(
  copies: readonly OpenPgpCertificate[],
  parts: Parts,
  verifier: SelfVerifier,
): ReadonlyMap<object, readonly Statement[]> {
  const { primary } = parts
  const placed = new Map<object, Map<string, Statement>>()
  const add = (part: object, statement: Statement, bytes: Uint8Array) => {
    const before = placed.get(part) ?? new Map<string, Statement>()
    placed.set(part, before.set(toHex(bytes), statement))
  }
  for (const [own, { type, signature, bytes }] of signaturesOf(copies, parts)) {
    if (signature === undefined || !isByItself(signature, primary)) continue
    const fit = partsFor(type, parts)
    if (fit.length === 0) continue
    const isAbout = (part: Part) => verifier.verifies(signature, primary, targetOf(part, parts))
    const isInPlace = typeOf(own, primary) === typeOf(fit[0] ?? own, primary)
    const found = isInPlace && isAbout(own) ? own : verifier.isExhausted() ? undefined : fit.find(isAbout)
    // A signature that verifies nowhere counts against the part that it follows or, in a wrong
    // place, against the whole certificate.
    const blamed = isInPlace ? own : primary
    add(found ?? blamed, { signature, isVerified: found !== undefined }, bytes)
  }
  return new Map([...placed].map(([part, statements]) => [part, [...statements.values()].sort(byDate)]))
}

function byDate({ signature: one }: Statement, { signature: other }: Statement): number {
  return one.created - other.created || Buffer.compare(one.bytes, other.bytes)
}

function typeOf(part: Part, primary: Part): Target['kind'] {
  if ('id' in part) return 'user'
  return part === primary ? 'primary' : 'subkey'
}

/** Whether it claims to be by the primary key, or names no signer. */
function isByItself(signature: OpenPgpSignature, primary: KeyPacket): boolean {
  return signature.issuers.length === 0 || claimsToBeBy(signature, primary)
}

/** The parts that a self-signature of this type can be about. */
function partsFor(type: number, { primary, subkeys, users }: Parts): readonly Part[] {
  if (type === TYPE.directKey) return [primary]
  if (type === TYPE.subkeyBinding) return subkeys
  return type >= TYPE.generic && type <= TYPE.positive ? users : []
}
