import type { MinisignPublicKey } from '../minisign.ts'

/** What is usual around one kind of detached signature: how its files are called and its keys written. */
export interface DetachedForm {
  readonly kind: string
  /** How a policy's words call it. */
  readonly title: string
  /** Extensions under which it is kept beside attestations: a text under the first, all else under the last. */
  readonly kept: readonly [string, ...string[]]
  /** Extensions that tell this kind and no other, as nix/lib.nix takes them. */
  readonly telling: readonly string[]
  /** Where developers put it beside what they publish. */
  readonly beside: SignaturePlaces
  /** Its keys, where their form is its own: what stands before one in a policy, and how it is read. */
  readonly keys?: OwnKeys
}

/** Extensions, the usual ones first, after the name of … */
export interface SignaturePlaces {
  /** … the file. */
  readonly file: readonly string[]
  /** … the tar in the file, where that is compressed. */
  readonly tar: readonly string[]
  /** … a list of checksums. */
  readonly list: readonly string[]
  /** … the file, of a list of checksums that is signed in one piece. */
  readonly signedList: readonly string[]
  /** Whole names of such lists in the directory of a release. */
  readonly signedLists: readonly string[]
}

/** Keys of a form that only one kind of signature has; they are Ed25519's, with a number that signatures repeat. */
export interface OwnKeys {
  readonly prefix: `${string}:`
  /** Reads what stands behind the prefix. Throws FormatError. */
  parse(text: string): MinisignPublicKey
  /** Whether a file of a public key that begins with this line is of this form. */
  begins(line: string): boolean
}

/** Nowhere that is usual. */
export const NOWHERE: SignaturePlaces = { file: [], tar: [], list: [], signedList: [], signedLists: [] }
