/**
 * Which OpenPGP signatures are worth a run of a program: those that a listed key made, as far as
 * arithmetic in this process can tell. Anybody may write notes and tags, and name any key in them.
 */
import { isMadeOver } from '../crypto/openpgp/arithmetic.ts'
import { findCertificate } from '../crypto/openpgp/certificate.ts'
import { claimsToBeBy } from '../crypto/openpgp/parts.ts'
import type { Work } from '../crypto/work.ts'
import { hashingCost } from '../crypto/work.ts'
import { readNamedFile } from '../files/named-file.ts'
import { FileError } from '../files/regular-file.ts'
import { keyMaterialOf } from '../formats/openpgp/key-material.ts'
import type { KeyPacket } from '../formats/openpgp/key-packet.ts'
import type { OpenPgpSignature } from '../formats/openpgp/signature.ts'
import type { OpenPgpKey } from '../policy/policy.ts'
import { FormatError } from '../primitives/format-error.ts'
import { toHex } from '../primitives/hex.ts'
import { sha256 } from '../primitives/sodium.ts'

const CERTIFICATE_LIMIT = 4 * 1024 * 1024

/** Units of work of the arithmetic, and of a program that verifies. */
const ARITHMETIC_COST = 8
const PROGRAM_COST = 640

/** Key packets that one signature may name: a key id is short enough to be shared on purpose. */
const TRIES = 16

/** What is known of a signature before a program is asked. */
export type Standing = 'unknown-signer' | 'bad-signature' | 'verified-before' | 'to-verify'

/**
 * The key packets of a certificate, bound or not; undefined if its file cannot be read as one.
 * Throws FileError.
 */
export function keyPacketsOf({ certificate, fingerprint }: OpenPgpKey): readonly KeyPacket[] | undefined {
  try {
    return findCertificate(readNamedFile(certificate, CERTIFICATE_LIMIT).bytes, fingerprint)?.keys
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}

/** Like keyPacketsOf, for a file that is absent as well; each certificate is read once. */
export function packetReader(): (key: OpenPgpKey) => readonly KeyPacket[] | undefined {
  const known = new Map<string, readonly KeyPacket[] | undefined>()
  const read = (key: OpenPgpKey) => {
    try {
      return keyPacketsOf(key)
    } catch (error) {
      if (error instanceof FileError) return undefined
      throw error
    }
  }
  return key => {
    const name = `${key.fingerprint} ${key.certificate}`
    if (!known.has(name)) known.set(name, read(key))
    return known.get(name)
  }
}

/**
 * Whether a signature may be by a key, as it says itself. A key of version 4 makes no signatures of
 * version 6, nor the other way round (RFC 9580, section 5.2).
 */
export function namesKey(signature: OpenPgpSignature, packet: KeyPacket): boolean {
  return claimsToBeBy(signature, packet) && (signature.version === 6) === (packet.version === 6)
}

/**
 * Judges a signature over a payload with the packets of a listed certificate, undefined for one that
 * cannot be read, and spends the work of what has to be done: little, unless a program has to
 * verify it. Copies of one that was given to a program before are not verified again, whatever
 * else they carry that is not signed. Rejects with WorkLimitError.
 */
export async function standingOf(
  { signature, payload }: { readonly signature: OpenPgpSignature; readonly payload: Uint8Array },
  packets: readonly KeyPacket[] | undefined,
  { work, verified }: { readonly work: Work; readonly verified: Set<string> },
): Promise<Standing> {
  const named = packets?.filter(packet => namesKey(signature, packet)).slice(0, TRIES)
  if (named?.length === 0) return 'unknown-signer'
  await work.spend((named?.length ?? 1) * (ARITHMETIC_COST + hashingCost(payload.length)))
  // Without its certificate no program can verify it either, and says so at once.
  if (named === undefined) return 'to-verify'
  const maker = named.find(packet => isMadeOver(signature, packet, payload))
  if (maker === undefined && named.every(isComputable)) return 'bad-signature'
  if (maker !== undefined) {
    const name = [maker.fingerprint, toHex(sha256(payload)), toHex(signature.proof.hashed)].join(' ')
    if (verified.has(name)) return 'verified-before'
    verified.add(name)
  }
  await work.spend(PROGRAM_COST + hashingCost(payload.length))
  return 'to-verify'
}

/** Whether the arithmetic of signatures by this key is known here. */
function isComputable(packet: KeyPacket): boolean {
  try {
    return ['ed25519', 'ed448', 'rsa', 'dsa', 'point'].includes(keyMaterialOf(packet).kind)
  } catch (error) {
    if (error instanceof FormatError) return false
    throw error
  }
}
