import { TAG } from '../../formats/openpgp/packets.ts'
import type { Certificate, OwnKey, OwnUser } from './own-parts.ts'
import type { Statement } from './statements.ts'

/**
 * A certificate in the form that both tools get: each part once, in a fixed order, followed by the
 * signatures about it. Signatures by other keys are left out, and so are parts that the key itself
 * did not sign.
 */
export function canonicalBytes({
  primary,
  subkeys,
  users,
  directRevocations,
}: Omit<Certificate, 'bytes'>): Uint8Array {
  const part = (tag: number, body: Uint8Array, { statements, revocations }: OwnKey | OwnUser) => [
    packet(tag, body),
    ...[...revocations].sort(Buffer.compare),
    ...statements.map(({ signature }) => signature.bytes),
  ]
  return Buffer.concat([
    ...part(TAG.publicKey, primary.body, primary),
    ...[...directRevocations].sort(Buffer.compare),
    ...users.filter(isStated).flatMap(user => part(user.tag, user.id, user)),
    ...subkeys.filter(isStated).flatMap(key => part(TAG.publicSubkey, key.body, key)),
  ])
}

function isStated({ statements }: { readonly statements: readonly Statement[] }): boolean {
  return statements.length > 0
}

/** Writes a packet with a header of the new format (RFC 9580, section 4.2.1). */
function packet(tag: number, body: Uint8Array): Uint8Array {
  const header = Buffer.alloc(6)
  header.writeUInt8(0xc0 | tag)
  header.writeUInt8(0xff, 1)
  header.writeUInt32BE(body.length, 2)
  return Buffer.concat([header, body])
}
