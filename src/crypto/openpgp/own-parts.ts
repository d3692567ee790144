import type { KeyPacket } from '../../formats/openpgp/key-packet.ts'
import type { Statement } from './statements.ts'

/** A key of the certificate and what is said of it alone: direct-key signatures, or bindings of a subkey. */
export interface OwnKey extends KeyPacket {
  readonly statements: readonly Statement[]
  readonly revocations: readonly Uint8Array[]
}

/** A user id (tag 13) or attribute (tag 17) and the self-signatures over it. */
export interface OwnUser {
  readonly tag: number
  readonly id: Uint8Array
  readonly statements: readonly Statement[]
  readonly revocations: readonly Uint8Array[]
}

export interface Certificate {
  readonly primary: OwnKey
  readonly subkeys: readonly OwnKey[]
  readonly users: readonly OwnUser[]
  /** By the primary key, of what it said of itself in direct-key signatures; not of itself. */
  readonly directRevocations: readonly Uint8Array[]
  /** Why the whole certificate is refused, though no revocation by its own key is in the file; escaped. */
  readonly doubt?: string
  /** Binary: a keyring of this certificate alone, once, in one order whatever the file's was. */
  readonly bytes: Uint8Array
}
