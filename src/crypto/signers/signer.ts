import type { KeyIdentity } from '../../policy/policy.ts'
import type { EnvelopeKey } from '../envelope-keys.ts'

/** A signer of attestations: a key file, a key in an SSH agent, or a key of GnuPG. */
export interface Signer {
  /** Its name in messages, escaped. */
  readonly label: string
  /** Its key id in envelopes, see keyIdOf. */
  readonly keyid: string
  readonly identity: KeyIdentity
  /** The key as a policy would list it. Usable until the signer is closed. */
  readonly key: EnvelopeKey
  /**
   * Signs a message, in the only form that envelopes by this key have. The signature is verified
   * before it is returned. Throws SignerError if the agent does not answer, refuses, or answers
   * with anything else.
   */
  sign(message: Uint8Array): Promise<Uint8Array>
  /** Forgets the key and removes temporary files. */
  close(): void
}

/** What a kind of signer provides. Everything else follows from its key. */
export interface SignerParts {
  readonly label: string
  readonly key: EnvelopeKey
  sign(message: Uint8Array): Promise<Uint8Array>
  close(): void
}

/** What opening a signer may need from the caller. */
export interface SignerNeeds {
  /** Asks for the passphrase: at most once, and only for a key file that has one. */
  passphrase(): Promise<string>
}
