/** SSH signatures over envelopes, without armour. Load it by `import()` only. */
import { createHash } from 'node:crypto'
import type { SshPublicKey } from '../formats/ssh/key.ts'
import { parseSshSignatureBlob, type SshSignature } from '../formats/ssh/sshsig.ts'
import { FormatError } from '../primitives/format-error.ts'
import { ENVELOPE_NAMESPACE } from './envelope-keys.ts'
import type { SignatureResult } from './signature-result.ts'
import { verifySshSignature } from './ssh-signature.ts'

/** Verifies whether a key signed a message, in the namespace of envelopes and no other. */
export async function verifySshMessage(
  key: SshPublicKey,
  message: Uint8Array,
  blob: Uint8Array,
): Promise<SignatureResult> {
  let signature: SshSignature
  try {
    signature = parseSshSignatureBlob(blob)
  } catch (error) {
    if (error instanceof FormatError) return { outcome: 'bad-signature', detail: error.message }
    throw error
  }
  const { outcome, detail } = await verifySshSignature({
    signature,
    digestOf: hash => createHash(hash).update(message).digest(),
    key,
    namespaces: [ENVELOPE_NAMESPACE],
  })
  return outcome === 'good' ? { outcome } : { outcome: 'bad-signature', detail }
}
