import type { KeyIdentity } from '../../policy/policy.ts'
import type { EnvelopeKey } from '../envelope-keys.ts'

/** Whoever signs attestations: a key file, a key in an SSH agent, a key of GnuPG. */
export interface Signer {
  /** For messages; escaped. */
  readonly label: string
  /** What its envelopes call it: see keyIdOf. */
  readonly keyid: string
  readonly identity: KeyIdentity
  /** The key as a policy would list it; usable until the signer is closed. */
  readonly key: EnvelopeKey
  /**
   * A signature over a message, in the one form in which envelopes by this key are opened. It was verified before it is
   * given out. Throws SignerError if the agent does not answer, refuses, or answers with anything else.
   */
  sign(message: Uint8Array): Promise<Uint8Array>
  /** Forgets the key and removes what was kept on the disk meanwhile. */
  close(): void
}

/** What a kind of signer brings: all the rest follows from its key. */
export interface SignerParts {
  readonly label: string
  readonly key: EnvelopeKey
  sign(message: Uint8Array): Promise<Uint8Array>
  close(): void
}

export interface SignerNeeds {
  /** Asked at most once, and only for a key file that has a passphrase. */
  passphrase(): Promise<string>
}
