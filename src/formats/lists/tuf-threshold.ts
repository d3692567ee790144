import { toHex } from '../../primitives/hex.ts'
import { verifyEd25519 } from '../../primitives/sodium.ts'
import type { TufKeys, TufRole } from './tuf-keys.ts'
import type { TufMetadata } from './tuf-metadata.ts'

/** Who signed a metadata for a role. */
export interface Signed {
  /** Key ids of the role whose signatures verify, in the role's order. No two have one raw key. */
  readonly by: readonly string[]
  /** Key ids of the role that have a signature which does not verify. */
  readonly bad: readonly string[]
  readonly threshold: number
  readonly isMet: boolean
}

/**
 * Verifies the signatures of a metadata by the keys of a role, with libsodium. They are counted by
 * raw key. Signatures by other keys do not count, and do no harm.
 */
export function signedBy(
  metadata: Pick<TufMetadata, 'message' | 'signatures'>,
  role: TufRole,
  keys: TufKeys,
): Signed {
  const by: string[] = []
  const bad: string[] = []
  const counted = new Set<string>()
  for (const keyid of new Set(role.keyids)) {
    const key = keys.get(keyid)
    const signature = metadata.signatures.find(each => each.keyid === keyid)?.signature
    if (key === undefined || signature === undefined) continue
    if (!verifyEd25519(metadata.message, signature, key)) bad.push(keyid)
    else if (!counted.has(toHex(key))) {
      counted.add(toHex(key))
      by.push(keyid)
    }
  }
  return { by, bad, threshold: role.threshold, isMet: role.threshold >= 1 && by.length >= role.threshold }
}
