/** Which keys signatures name, without verifying them: enough to know what need not be verified. */
import type { KeyPacket } from '../formats/openpgp/key-packet.ts'
import { parseDetachedSignatures } from '../formats/openpgp/signature.ts'
import { sshKeyBlob } from '../formats/ssh/key.ts'
import { looksLikeSshSignature, parseSshSignature } from '../formats/ssh/sshsig.ts'
import type { Key, KeyIdentity } from '../policy/policy.ts'
import { FormatError } from '../primitives/format-error.ts'
import { toHex } from '../primitives/hex.ts'
import { keyPacketsOf, namesKey } from './openpgp-candidates.ts'

/** The listed keys that a signature of git names, as it claims. */
export type NamedSigners = (signature: Uint8Array) => readonly KeyIdentity[]

/**
 * Indexes the keys that can sign commits. An OpenPGP key whose certificate cannot be read counts as
 * named by every signature. Throws FileError.
 */
export function namedSigners(keys: readonly Key[]): NamedSigners {
  const ssh = new Map(
    keys.flatMap(key =>
      'form' in key && key.form === 'ssh' ? [[toHex(sshKeyBlob(key)), key.identity] as const] : [],
    ),
  )
  const openPgp = keys.filter(key => key.kind === 'openpgp').map(key => ({ key, packets: keyPacketsOf(key) }))
  return signature => {
    try {
      if (looksLikeSshSignature(signature)) {
        return [ssh.get(toHex(parseSshSignature(signature).keyBlob)) ?? []].flat()
      }
      const parsed = parseDetachedSignatures(signature)
      const isNamed = (packet: KeyPacket) => parsed.some(each => namesKey(each, packet))
      return openPgp.flatMap(({ key, packets }) =>
        packets === undefined || packets.some(isNamed) ? [key.identity] : [],
      )
    } catch (error) {
      if (error instanceof FormatError) return []
      throw error
    }
  }
}
