/**
 * Objections to a signature as of the time that it states, for histories, in which what a key
 * signed while it counted goes on counting. Only what says that somebody else may have had the key
 * reaches back: a revocation that names no reason, or any other than "superseded" and "retired"
 * (RFC 9580, section 5.2.3.31).
 */
import { readPackets } from '../../formats/openpgp/packets.ts'
import { parseSignaturePacket } from '../../formats/openpgp/signature.ts'
import { FormatError } from '../../primitives/format-error.ts'
import type { Certificate, OwnKey } from './own-parts.ts'
import {
  findExpiredSignature,
  findFlaw,
  findWeakness,
  isUsableForSqv,
  type Objection,
  type Suspect,
} from './standing.ts'

/** Superseded and retired: the key was in the right hands until then. */
const SOFT_REASONS: readonly (number | undefined)[] = [1, 3]

/**
 * The gravest objection to a signature whose arithmetic is right, as Sequoia judges: the keys were
 * bound, could sign, and had not ended when it was made, all by statements of that time. Times are
 * in seconds since 1970.
 */
export function findObjectionAtSigning(suspect: Suspect, now: number): Objection | undefined {
  return findRevocationAtSigning(suspect) ?? findFlaw(suspect, now) ?? findLateBinding(suspect)
}

/**
 * The gravest objection where something else than the certificate says which keys may sign: that
 * the key ended or was bound does not matter.
 */
export function findObjectionToBareKey(suspect: Suspect, now: number): Objection | undefined {
  return findRevocationAtSigning(suspect) ?? findWeakness(suspect, now) ?? findExpiredSignature(suspect, now)
}

/**
 * The fingerprints of the keys that a certificate revokes for all time: the primary key with all
 * subkeys, or single subkeys.
 */
export function revokedForever({ primary, subkeys }: Certificate): readonly string[] {
  const isAll = isRevokedForever(primary)
  const revoked = isAll ? [primary, ...subkeys] : subkeys.filter(isRevokedForever)
  return revoked.map(({ fingerprint }) => fingerprint)
}

function isRevokedForever({ revocations }: OwnKey): boolean {
  return revocations.some(packet => softDateOf(packet) === undefined)
}

function findRevocationAtSigning({ certificate, signers, signature }: Suspect): Objection | undefined {
  for (const key of [certificate.primary, ...signers]) {
    const dates = key.revocations.map(softDateOf)
    const isOver = dates.some(date => date === undefined || date <= signature.created)
    if (isOver) return { kind: 'revoked-key', detail: `key ${key.fingerprint} is revoked` }
  }
  const { doubt } = certificate
  return doubt === undefined ? undefined : { kind: 'revoked-key', detail: doubt }
}

/** When a key was retired or superseded; undefined for every other revocation. */
function softDateOf(packet: Uint8Array): number | undefined {
  try {
    const [read] = readPackets(packet)
    const { created, revocationReason } = read ? parseSignaturePacket(read.body, read.bytes) : {}
    return SOFT_REASONS.includes(revocationReason) ? created : undefined
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}

function findLateBinding(suspect: Suspect): Objection | undefined {
  if (isUsableForSqv(suspect)) return undefined
  const detail = 'when it signed, nothing better than SHA-1 had bound the key and said that it may sign'
  return { kind: 'unacceptable', detail }
}
