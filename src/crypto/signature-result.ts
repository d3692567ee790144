import type { Instant } from '../policy/policy.ts'

/** The result of a signature for a key. `detail` is escaped and fit for a message. */
export type SignatureResult =
  | {
      readonly outcome: 'good'
      /**
       * The first second at which the key's certificate makes it no longer good, see
       * DetachedResult.
       */
      readonly keyEnds?: Instant
      /** For an OpenPGP signature, see DetachedResult. */
      readonly trace?: string
    }
  /** Made before its key expired, which has happened since: the policy decides. */
  | { readonly outcome: 'expired-since'; readonly signedAt: Instant; readonly keyExpired: Instant }
  | {
      /** `undecided`: a required tool or certificate could not be used. */
      readonly outcome: 'bad-signature' | 'expired-signature' | 'revoked-key' | 'undecided'
      readonly detail: string
    }
  | { readonly outcome: 'bad-signature'; readonly detail?: never }
