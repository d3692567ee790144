/** The parts of a certificate, and which signatures belong to them in its copies. */
import type {
  CertificateSignature,
  CertificateUser,
  OpenPgpCertificate,
} from '../../formats/openpgp/certificate.ts'
import type { KeyPacket } from '../../formats/openpgp/key-packet.ts'
import type { OpenPgpSignature } from '../../formats/openpgp/signature.ts'
import { toHex } from '../../primitives/hex.ts'
import type { Target } from './self-verification.ts'

/** The parts of a certificate, each once, whatever its copies contain. */
export interface Parts {
  readonly primary: KeyPacket
  readonly subkeys: readonly KeyPacket[]
  readonly users: readonly Pick<CertificateUser, 'tag' | 'id'>[]
}

/** Collects the parts, in an order that does not depend on the file. */
export function partsOf(primary: KeyPacket, copies: readonly OpenPgpCertificate[]): Parts {
  const bare = ({ version, created, algorithm, bits, fingerprint, keyId, body }: KeyPacket): KeyPacket => ({
    ...{ version, created, algorithm, fingerprint, keyId, body },
    ...(bits === undefined ? {} : { bits }),
  })
  const subkeys = copies.flatMap(copy => copy.subkeys).map(bare)
  const users = copies.flatMap(copy => copy.users).map(({ tag, id }) => ({ tag, id }))
  return {
    primary: bare(primary),
    subkeys: eachOnce(subkeys, ({ body }) => toHex(body)),
    users: eachOnce(users, userName),
  }
}

function eachOnce<T>(items: readonly T[], name: (item: T) => string): readonly T[] {
  const named = new Map(items.map(item => [name(item), item]))
  return [...named].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, item]) => item)
}

function userName({ tag, id }: Pick<CertificateUser, 'tag' | 'id'>): string {
  return `${tag} ${toHex(id)}`
}

/** A key, a user id or a user attribute of a certificate. */
export type Part = KeyPacket | Parts['users'][number]

/** Whether a signature claims to be by this key. It is not verified. */
export function claimsToBeBy(signature: OpenPgpSignature, key: KeyPacket): boolean {
  return signature.issuers.includes(key.fingerprint) || signature.issuers.includes(key.keyId)
}

/** What a signature about this part is over. */
export function targetOf(part: Part, { primary }: Parts): Target {
  if ('id' in part) return { kind: 'user', tag: part.tag, id: part.id }
  return part === primary ? { kind: 'primary' } : { kind: 'subkey', key: part }
}

/** Every signature in the copies, with the part that it follows. */
export function* signaturesOf(
  copies: readonly OpenPgpCertificate[],
  { primary, subkeys, users }: Parts,
): Generator<readonly [Part, CertificateSignature]> {
  const bySubkey = new Map(subkeys.map(key => [toHex(key.body), key]))
  const byUser = new Map(users.map(user => [userName(user), user]))
  for (const copy of copies) {
    for (const each of copy.primary.signatures) yield [primary, each]
    for (const key of copy.subkeys) {
      for (const each of key.signatures) yield [bySubkey.get(toHex(key.body)) ?? primary, each]
    }
    for (const user of copy.users) {
      for (const each of user.signatures) yield [byUser.get(userName(user)) ?? primary, each]
    }
  }
}
