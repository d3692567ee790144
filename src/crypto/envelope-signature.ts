/** One signature over an envelope and one key. Only Ed25519 is at hand; what other keys need is loaded for them. */

import { verifyEd25519 } from '../primitives/sodium.ts'
import type { RingKey } from './envelope-keys.ts'
import type { SignatureResult } from './signature-result.ts'

/** What becomes of a signature over a message with a key that could have made it. Throws nothing that input can cause. */
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

/** What it costs to try a key, about: once an Ed25519 signature, which are verified twenty thousand times a second. */
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
