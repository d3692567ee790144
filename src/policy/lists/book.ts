/**
 * What a policy sees of the trusted lists that communities keep. Updates fetch and verify them
 * (src/lists/); whoever judges only reads the books that updates wrote. Nothing here does I/O by
 * itself: a book may read what it is asked for from its own file.
 */
import type { Group, Instant, KeyIdentity, Principal, Role } from '../people.ts'

/** What a policy lets a list speak for: a `[lists.NAME]`. */
export interface ListScope {
  /** The prefix of all its names: `debian` in `debian/libmd`. */
  readonly name: string
  readonly line: number
  readonly roles: readonly Role[]
  /** Globs over the names of what is judged. */
  readonly names: readonly string[]
  /** Seconds after its end for which its last good state still counts. */
  readonly grace: number
  /** Whether only entries count that two independent distributions have. */
  readonly corroborated: boolean
}

/** How a policy wants a list to be updated. Judging does not need it. */
export interface ListUpdates {
  /** An absolute http or https URL, or the absolute path of a directory. */
  readonly url: string
  /** `pinned`: what is new is told, and not taken. */
  readonly mode: 'auto' | 'ask' | 'pinned'
  /** Whether new revocations are taken while everything else waits. */
  readonly revocations: 'at-once' | 'with-updates'
}

/** A list as it is in force. */
export interface ListInForce extends ListScope {
  readonly updates: ListUpdates
  /** Or why no book could be read, raw. */
  readonly book: Book | { readonly problem: string }
}

/** What is asked of lists: a source by its name, and the addresses that its derivations state. */
export interface NamedSource {
  /** The name part of the store path. */
  readonly name: string
  /** `any`: they are not known, and every entry matches that some address could match. */
  readonly urls: readonly string[] | 'any'
}

/**
 * One state of a list. All names in it are as the subscriber uses them, with the prefix. Methods
 * throw FileError if the book cannot be read. Whoever judges believes no book: what is not the
 * list's own (names without its prefix or with other characters than a list takes, certificates
 * without `holds`, thresholds below 1, groups that contain themselves) counts for nothing.
 */
export interface Book {
  /** SHA-256, lower-case hex, of everything that the book says, and of nothing else. */
  readonly digest: string
  /** The version of its targets metadata. */
  readonly version: number
  /** When it ends: the earliest end of its metadata. */
  readonly ends: Instant
  /** When it was last seen to be the newest. */
  readonly seen: Instant
  /** Whether its keepers vouch for its keys, or a program collected them. */
  readonly says: 'vouched' | 'extracted'
  /**
   * All of them, at most one of each key and of each principal. For few: reads all of the list's.
   */
  readonly revocations: readonly ListRevocation[]
  /** Those of a principal by its name, and of the keys that it has. */
  revocationsOf(principal: Principal): readonly ListRevocation[]
  /** Its OpenPGP keys have `holds`, which the writer of the book found in the certificate. */
  principal(name: string): Principal | undefined
  group(name: string): Group | undefined
  /**
   * The principals who have a key of this identity, by looking at all of them. For commands only.
   */
  holdersOf(identity: KeyIdentity): readonly string[]
  /** All entries that match a source. Takes at most a few milliseconds for 20,000 entries. */
  developersOf(source: NamedSource): readonly DevelopersEntry[]
}

/** A revocation by a list: of its own names and keys only. */
export interface ListRevocation {
  readonly target: { readonly key: KeyIdentity } | { readonly principal: string }
  readonly from: Instant
  readonly reason?: string
}

/** Who signs which sources. */
export interface DevelopersEntry {
  /** `libmd`, or `debian/libmd` in a list. */
  readonly name: string
  /** Globs over names of sources. */
  readonly names: readonly string[]
  /** Globs over addresses; none: any address. */
  readonly urls: readonly string[]
  /** Principals and groups. */
  readonly by: readonly string[]
  readonly threshold: number
  /**
   * What the team may speak for whose entry it is: that has to match as well, and the same address.
   */
  readonly within?: Pick<DevelopersEntry, 'names' | 'urls'>
  /** How many distributions have it, if that is known. */
  readonly standing?: 'corroborated' | 'seen'
}
