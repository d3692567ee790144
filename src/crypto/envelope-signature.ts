/**
 * Verifies one signature over an envelope with one key. Only Ed25519 is loaded at once; other
 * algorithms are loaded when needed.
 */

import { verifyEd25519 } from '../primitives/sodium.ts'
import type { RingKey } from './envelope-keys.ts'
import type { SignatureResult } from './signature-result.ts'

/**
 * The result of a signature over a message for a key that could have made it. No input makes it
 * throw.
 */
export async function verifyEnvelopeSignature(
  entry: RingKey,
  message: Uint8Array,
  signature: Uint8Array,
): Promise<SignatureResult> {
  switch (entry.form) {
    case 'ed25519':
      return resultOf(verifyEd25519(message, signature, entry.key.publicKey))
    case 'pem': {
      const { verifySignature } = await import('./public-key.ts')
      return resultOf(await verifySignature(entry.key, { message, hash: 'sha256', signature }))
    }
    case 'sshsig': {
      const { verifySshMessage } = await import('./ssh-message.ts')
      return verifySshMessage(entry.key, message, signature)
    }
    case 'openpgp': {
      const { verifyOpenPgpMessage } = await import('./openpgp/message.ts')
      return verifyOpenPgpMessage(entry.key, message, signature)
    }
  }
}

/**
 * The approximate cost of trying a key, in units of one Ed25519 verification (20,000 of them take a
 * second).
 */
export function costOf({ key }: RingKey): number {
  switch (key.kind) {
    case 'ed25519':
      return 1
    case 'ecdsa':
      return { nistp256: 4, nistp384: 32, nistp521: 64 }[key.curve]
    case 'rsa':
      return 8
    case 'openpgp':
      return 640
  }
}

function resultOf(isGood: boolean): SignatureResult {
  return isGood ? { outcome: 'good' } : { outcome: 'bad-signature' }
}
