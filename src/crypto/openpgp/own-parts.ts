import type { KeyPacket } from '../../formats/openpgp/key-packet.ts'
import type { Statement } from './statements.ts'

/**
 * A key of the certificate with the self-signatures about it alone: direct-key signatures, or
 * bindings of a subkey.
 */
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

/** A certificate whose self-signatures were verified. */
export interface Certificate {
  readonly primary: OwnKey
  readonly subkeys: readonly OwnKey[]
  readonly users: readonly OwnUser[]
  /** Revocations by the primary key of its direct-key signatures, not of the key itself. */
  readonly directRevocations: readonly Uint8Array[]
  /**
   * Why the whole certificate is refused although the file has no revocation by its own key.
   * Escaped.
   */
  readonly doubt?: string
  /**
   * A binary keyring with only this certificate, once, in an order that does not depend on the
   * file.
   */
  readonly bytes: Uint8Array
}
