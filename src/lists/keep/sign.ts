import { ringKey } from '../../crypto/envelope-keys.ts'
import type { Signer } from '../../crypto/signers/signer.ts'
import { SignerError } from '../../crypto/signers/signer-error.ts'
import { FileError } from '../../files/regular-file.ts'
import { tufKeyId } from '../../formats/lists/tuf-keys.ts'
import { toHex } from '../../primitives/hex.ts'
import { writePending, writeSignature } from './pending.ts'
import { type Pending, type Plan, type PlanOptions, planOf } from './plan.ts'

/** Roles that say nothing of their own: whoever agreed to the others agreed to these. */
const FOLLOWING: readonly string[] = ['snapshot', 'timestamp']

/** The key id of a signer. Throws SignerError unless it makes plain Ed25519 signatures. */
export function tufSignerId({ key, label }: Signer): string {
  if (key.kind !== 'ed25519' || ringKey(key).form !== 'ed25519')
    throw new SignerError(`${label} does not sign as keepers of lists do: an Ed25519 key is needed`)
  return tufKeyId(key.publicKey)
}

/** The pending metadata that this key is to sign, and has not signed. */
export function unsignedBy({ pending }: Plan, keyid: string): readonly Pending[] {
  return pending.filter(
    ({ signers }) =>
      signers.some(({ role }) => role.keyids.includes(keyid)) &&
      !signers.some(({ signed }) => signed.by.includes(keyid)),
  )
}

/**
 * Signs all that a key is to sign. `agreed` is what somebody looked at: throws FileError if root,
 * targets or teams are something else by now. Returns the roles that were signed.
 */
export async function signPending(
  directory: string,
  signer: Signer,
  agreed: Plan,
  options: PlanOptions,
): Promise<readonly string[]> {
  const keyid = tufSignerId(signer)
  const messages = new Map(agreed.pending.map(({ role, metadata }) => [role, toHex(metadata.message)]))
  const done: string[] = []
  // A signature can complete a team's metadata, which the snapshot then names: so look again.
  for (;;) {
    const next = unsignedBy(planOf(directory, options), keyid).find(({ role }) => !done.includes(role))
    if (next === undefined) return done
    const { role, metadata, isThere } = next
    if (!FOLLOWING.includes(role) && messages.get(role) !== toHex(metadata.message))
      throw new FileError(
        `${role} has changed since it was shown: nothing more was signed; next: the same command again, which shows it`,
      )
    const signature = await signer.sign(metadata.message)
    if (!isThere) writePending(directory, role, metadata)
    writeSignature(directory, role, { keyid, signature })
    done.push(role)
  }
}
