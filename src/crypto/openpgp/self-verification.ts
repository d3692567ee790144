/**
 * Verifies which signatures of a certificate its own key made. The tools do that as well when they
 * judge a file, but they do not report which signatures they accepted, and a certificate's
 * statement about its expiry only counts if its key signed it.
 */
import { hashedKey, type KeyPacket } from '../../formats/openpgp/key-packet.ts'
import type { OpenPgpSignature } from '../../formats/openpgp/signature.ts'
import { isMadeBy, isSound, trailerOf } from './arithmetic.ts'

/** What a primary key signs besides itself: nothing, a subkey, or a user id. */
export type Target =
  | { readonly kind: 'primary' }
  | { readonly kind: 'subkey'; readonly key: KeyPacket }
  | { readonly kind: 'user'; readonly tag: number; readonly id: Uint8Array }

/**
 * Verifies the signatures of certificates within a work limit. After that, it treats every
 * signature as a forgery.
 */
export interface SelfVerifier {
  /**
   * Whether the primary key, or `signer` if given, made this signature over the primary key and the
   * target. Never throws.
   */
  verifies(signature: OpenPgpSignature, primary: KeyPacket, target: Target, signer?: KeyPacket): boolean
  /** Whether the limit was reached, so that some refused signatures may be genuine. */
  isExhausted(): boolean
}

/**
 * Limits on verifications and on bytes hashed for them: some seconds with the slowest algorithm.
 */
const VERIFICATION_LIMIT = 2000
const BYTE_LIMIT = 512 * 1024 * 1024

/** A verifier with a new work limit. */
export function selfVerifier(): SelfVerifier {
  let verifications = 0
  let bytes = 0
  const isExhausted = () => verifications > VERIFICATION_LIMIT || bytes > BYTE_LIMIT
  return {
    isExhausted,
    verifies(signature, primary, target, signer = primary) {
      if (isExhausted() || signature.hasUnknownCritical || !isSound(signature, signer)) return false
      const message = messageOf(signature, primary, target)
      verifications++
      bytes += message.length
      if (isExhausted()) return false
      return isMadeBy(signature, signer, message)
    },
  }
}

/** The hashed bytes: RFC 9580, section 5.2.4. */
function messageOf(signature: OpenPgpSignature, primary: KeyPacket, target: Target): Uint8Array {
  const { version, proof } = signature
  const parts = [proof.salt, hashedKey(primary.version, primary.body)]
  if (target.kind === 'subkey') parts.push(hashedKey(target.key.version, target.key.body))
  if (target.kind === 'user') {
    const isAttribute = target.tag === 17
    const frame = version === 3 ? [] : [Buffer.of(isAttribute ? 0xd1 : 0xb4), length(target.id.length)]
    parts.push(...frame, target.id)
  }
  return Buffer.concat([...parts, trailerOf(signature)])
}

function length(value: number): Uint8Array {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
