import type { Instant } from '../policy/policy.ts'

/** What a key has to do with a signature. `detail` is escaped and fit for a message. */
export type SignatureResult =
  | {
      readonly outcome: 'good'
      /** The first second at which it is good no more by the key's own certificate, see DetachedResult. */
      readonly keyEnds?: Instant
      /** Of an OpenPGP signature, see DetachedResult. */
      readonly trace?: string
    }
  /** Made before its key ended, which has come since: the policy decides. */
  | { readonly outcome: 'expired-since'; readonly signedAt: Instant; readonly keyExpired: Instant }
  | {
      /** `undecided`: a tool or a certificate that is needed could not be used. */
      readonly outcome: 'bad-signature' | 'expired-signature' | 'revoked-key' | 'undecided'
      readonly detail: string
    }
  | { readonly outcome: 'bad-signature'; readonly detail?: never }
