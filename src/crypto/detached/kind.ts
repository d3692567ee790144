/**
 * What all kinds of detached signatures have in common: each has a file of its own here, which verify.ts lists, and
 * one in src/formats/detached with what is usual around it.
 */
import type { SignatureKind } from '../../formats/detached/forms.ts'
import type { Instant, Key } from '../../policy/policy.ts'
import type { OpenedFile } from './opened-file.ts'

export type { SignatureKind } from '../../formats/detached/forms.ts'

/**
 * What is signed: a file as it is published, a tag or commit of git, or a text that its signature stands under. SSH
 * signatures say which of the first two they are, OpenPGP's whether they are over a text.
 */
export type SignatureUse = 'file' | 'git' | 'text'

/** What a key has to do with a signature. How these weigh against each other is in severity.ts. */
export type DetachedOutcome =
  | 'good'
  | 'unknown-signer' // it names another key
  | 'bad-signature' // it names this key and does not verify, or the comment it vouches for does not
  | 'other-file' // it is good, and says nothing of this file: over a list that does not name it
  | 'unacceptable' // it proves too little: SHA-1, over text, by a short key …
  | 'expired-signature'
  | 'expired-key'
  | 'expired-since' // it verifies and is dated before its key's end, which has come since: the policy decides
  | 'revoked-key'
  | 'unreadable' // this key, or a tool that is needed, could not be used: nothing is known

/** What one key has to do with a detached signature over a file. `detail` is escaped and fit for a message. */
export interface DetachedResult {
  readonly key: Key
  readonly outcome: DetachedOutcome
  readonly detail: string
  /** When it was made, by its own word; for `expired-since` always there, with when its key ended. */
  readonly signedAt?: Instant
  readonly keyExpired?: Instant
  /**
   * For `good` by an OpenPGP key: the first second at which it is good no more by the certificate's own word, which is
   * the end of the signature, of its key or of the primary key; missing where none of them ends.
   */
  readonly keyEnds?: Instant
  /** Which of the signatures in the file it is about, counted from 0, where a file of this kind may have several. */
  readonly index?: number
  /** For `good`: how it was signed, as `recall` takes it; one word of printable ASCII. */
  readonly trace?: string
}

/** When a signature was verified, and when it is asked about again. */
export interface Recalling {
  readonly seen: Instant
  readonly now: Instant
}

/** One kind of detached signature. */
export interface DetachedKind {
  readonly kind: SignatureKind
  /**
   * Whether its signatures are over the bytes of a file alone, and so do not say that it is a file that they are for.
   */
  readonly isBare: boolean
  /** Whether a signature file is of this kind, as far as its first bytes tell; no two kinds say yes. */
  recognises(signature: Uint8Array): boolean
  /** Parses all of a signature file. Throws FormatError. */
  check(signature: Uint8Array): void
  /** Whether a key can make signatures of this kind. */
  takes(key: Key): boolean
  /**
   * What a key that it takes has to do with a signature file that `check` found well-formed: one result, or one for
   * each signature in the file that names this key.
   */
  verify(
    file: OpenedFile,
    signature: Uint8Array,
    key: Key,
    use: SignatureUse,
  ): Promise<DetachedResult | readonly DetachedResult[]>
  /**
   * What `verify` would say now of a signature over a file that it called good when it was seen, by its trace alone:
   * whether the key, as the policy lists it now, takes a signature that was made so. A key that ended after the
   * signature was seen takes it. Any key may be asked about. `unreadable` where only the signature itself could tell.
   */
  recall(trace: string, key: Key, moment: Recalling): Promise<DetachedResult>
}
