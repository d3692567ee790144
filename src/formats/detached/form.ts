import type { MinisignPublicKey } from '../minisign.ts'

/**
 * The conventions for one kind of detached signature: how its files are named and its keys are
 * written.
 */
export interface DetachedForm {
  readonly kind: string
  /** The name of this kind in messages about a policy. */
  readonly title: string
  /**
   * Extensions under which a signature is stored next to attestations: the first for a text file,
   * the last for any other.
   */
  readonly kept: readonly [string, ...string[]]
  /** Extensions that only this kind uses, as nix/lib.nix lists them. */
  readonly telling: readonly string[]
  /** Where developers publish a signature next to the file. */
  readonly beside: SignaturePlaces
  /**
   * Its keys, where they have a form of their own: their prefix in a policy, and how they are
   * parsed.
   */
  readonly keys?: OwnKeys
}

/** Extensions, the most common first, that a signature's name adds to the name of … */
export interface SignaturePlaces {
  /** … the file. */
  readonly file: readonly string[]
  /** … the tar archive inside the file, if that is compressed. */
  readonly tar: readonly string[]
  /** … a checksum list. */
  readonly list: readonly string[]
  /** … the file, for a checksum list and its signature in one file. */
  readonly signedList: readonly string[]
  /** Whole names of such signed lists in the directory of a release. */
  readonly signedLists: readonly string[]
}

/**
 * Keys in a form that only one kind of signature has. They are Ed25519 keys with a key number that
 * their signatures repeat.
 */
export interface OwnKeys {
  readonly prefix: `${string}:`
  /** Parses the text after the prefix. Throws FormatError. */
  parse(text: string): MinisignPublicKey
  /** Whether a public key file that begins with this line has this form. */
  begins(line: string): boolean
}

/** For kinds whose signatures have no usual place. */
export const NOWHERE: SignaturePlaces = { file: [], tar: [], list: [], signedList: [], signedLists: [] }
