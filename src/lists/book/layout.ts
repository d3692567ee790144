/**
 * The file that an update writes and whoever judges reads: one line of text, and tables (table.ts).
 *
 *     nixsig-book-1 <SHA-256 of the tables, hex> <their size> <version> <ends> <seen> <checksum>
 *
 * Numbers are decimal, times in seconds since 1970; the checksum is the CRC-32, in hex, of the line
 * before it. Values of tables are JSON, see records.ts, but for `starts` and `ends`, see
 * glob-index.ts. docs/book.md describes the file.
 */
import type { Validity } from '../../formats/lists/listed.ts'
import type { DevelopersEntry } from '../../policy/lists/book.ts'

export const BOOK_FORMAT = 'nixsig-book-1'
export const BOOK_LIMIT = 64 * 1024 * 1024

/**
 * The tables in their order. `about`: what is said of the whole, at the key `about`. Principals and
 * groups by their names, teams and entries of developers by their numbers, revocations by what they
 * revoke (revocationKey), certificates by the SHA-256 of their bytes; and the numbers of entries by
 * the literal beginnings and ends of their globs.
 */
export const TABLES = [
  'about',
  'principals',
  'groups',
  'teams',
  'revocations',
  'certificates',
  'developers',
  'starts',
  'ends',
] as const

export type TableName = (typeof TABLES)[number]

export interface AboutRecord {
  readonly name: string
  readonly says: 'vouched' | 'extracted'
}

/** What a team may speak for. */
export interface TeamRecord {
  readonly names: readonly string[]
  readonly urls: readonly string[]
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

/** The key of an entry, or a team, with this number: 32 bits, big-endian. */
export function numberKey(number: number): Buffer {
  const key = Buffer.alloc(4)
  key.writeUInt32BE(number)
  return key
}

/** The key of what is revoked. Identities of keys have no space. */
export function revocationKey(target: { readonly key: string } | { readonly principal: string }): Buffer {
  return Buffer.from('key' in target ? `key ${target.key}` : `principal ${target.principal}`)
}

/** The ASCII characters with which whatever a glob matches begins. */
export function literalStart(glob: string): string {
  return /^[\x20-\x29\x2b-\x3e\x40-\x7e]*/.exec(glob)?.[0] ?? ''
}
