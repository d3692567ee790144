/**
 * The file that an update writes and whoever judges reads: one line of text, and five tables (table.ts).
 *
 *     nixsig-book-1 <SHA-256 of the tables, hex> <their size> <version> <ends> <seen>
 *
 * Numbers are decimal, times in seconds since 1970. The tables: what is said of the whole (`about`),
 * principals, groups, entries of developers by their number (32 bits, big-endian), and the numbers of
 * entries by the literal beginning of their globs. Values of the first four are JSON, see Records.
 */
import type { DevelopersEntry, ListRevocation } from '../../policy/lists/book.ts'

export const BOOK_FORMAT = 'nixsig-book-1'
export const BOOK_LIMIT = 64 * 1024 * 1024
export const CERTIFICATE_LIMIT = 64 * 1024

/** What is said of the whole, JSON at the key `about`. */
export interface AboutRecord {
  readonly name: string
  readonly says: 'vouched' | 'extracted'
  readonly revocations: readonly ListRevocation[]
  /** What each team may speak for, by its number. */
  readonly teams: readonly { readonly names: readonly string[]; readonly urls: readonly string[] }[]
}

interface Validity {
  readonly validFrom?: number
  readonly validUntil?: number
}

/** A key as the list writes it; a certificate by the SHA-256 of its bytes. */
export type KeyRecord = Validity &
  (
    | { readonly key: string; readonly namespaces?: readonly string[] }
    | { readonly openpgp: string; readonly sha256: string; readonly holds: readonly string[] }
  )

export interface GroupRecord {
  readonly members: readonly string[]
  readonly threshold: number
}

/** An entry; `team`: the number of the team whose globs have to match as well. */
export type DevelopersRecord = DevelopersEntry & { readonly team?: number }

/** The key of an entry with this number. */
export function numberKey(number: number): Buffer {
  const key = Buffer.alloc(4)
  key.writeUInt32BE(number)
  return key
}

/** The ASCII characters with which whatever a glob matches begins. */
export function literalStart(glob: string): string {
  return /^[\x20-\x29\x2b-\x3e\x40-\x7e]*/.exec(glob)?.[0] ?? ''
}
