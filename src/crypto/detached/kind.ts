/**
 * The interface of all kinds of detached signatures. Each kind has a file here, listed in
 * verify.ts, and one in src/formats/detached with its conventions.
 */
import type { SignatureKind } from '../../formats/detached/forms.ts'
import type { Instant, Key } from '../../policy/policy.ts'
import type { OpenedFile } from './opened-file.ts'

export type { SignatureKind } from '../../formats/detached/forms.ts'

/**
 * What is signed: a published file, a git tag or commit, or a text that contains its signature. SSH
 * signatures distinguish the first two; OpenPGP signatures tell whether they are over a text.
 */
export type SignatureUse = 'file' | 'git' | 'text'

/**
 * The result of a signature for a key. Which result prevails over which is defined in severity.ts.
 */
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

/**
 * The result of a detached signature over a file for one key. `detail` is escaped and fit for a
 * message.
 */
export interface DetachedResult {
  readonly key: Key
  readonly outcome: DetachedOutcome
  readonly detail: string
  /**
   * When it was made, as the signer claims. Always present for `expired-since`, together with when
   * the key expired.
   */
  readonly signedAt?: Instant
  readonly keyExpired?: Instant
  /**
   * For `good` by an OpenPGP key: the first second at which the certificate makes it no longer
   * good, because the signature, its key or the primary key expires. Absent if none of them does.
   */
  readonly keyEnds?: Instant
  /**
   * The index of the signature in its file, from 0, for kinds with several signatures in a file.
   */
  readonly index?: number
  /**
   * For `good`: how it was signed, in the form that `recall` takes: one word of printable ASCII.
   */
  readonly trace?: string
}

/** When a signature was verified, and the time for which it is judged again. */
export interface Recalling {
  readonly seen: Instant
  readonly now: Instant
}

/** One kind of detached signature. */
export interface DetachedKind {
  readonly kind: SignatureKind
  /**
   * Whether its signatures cover only the bytes of a file, so that they do not say that they were
   * made for a file.
   */
  readonly isBare: boolean
  /** Whether a signature file is of this kind, by its first bytes. At most one kind says yes. */
  recognises(signature: Uint8Array): boolean
  /** Checks the form of a whole signature file. Throws FormatError. */
  check(signature: Uint8Array): void
  /** Whether a key can make signatures of this kind. */
  takes(key: Key): boolean
  /**
   * Verifies a signature file that passed `check` with a key that it takes. Returns one result, or
   * one for each signature in the file that names this key.
   */
  verify(
    file: OpenedFile,
    signature: Uint8Array,
    key: Key,
    use: SignatureUse,
  ): Promise<DetachedResult | readonly DetachedResult[]>
  /**
   * Judges again, by its trace alone, a signature that `verify` called good when it was seen:
   * whether the key, as the policy lists it now, accepts signatures made in that way. If the key
   * expired after the signature was seen, the result is still good. The key may be of any kind. The
   * result is `unreadable` if only the signature itself could tell.
   */
  recall(trace: string, key: Key, moment: Recalling): Promise<DetachedResult>
}
