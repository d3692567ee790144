/** What a book says: its tables, and the certificates beside it. */
import { CERTIFICATE_LIMIT, type ListDocument, type ListedKey } from '../../formats/lists/listed.ts'
import { calledBy } from '../../formats/lists/names.ts'
import { keysOfCertificates } from '../../policy/language/openpgp-keys.ts'
import type { ListRevocation } from '../../policy/lists/book.ts'
import {
  COST_OF_KEY,
  costOfCertificate,
  costOfGroup,
  costOfPrincipal,
} from '../../policy/lists/people-cost.ts'
import type { Instant } from '../../policy/policy.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { toHex } from '../../primitives/hex.ts'
import { sha256 } from '../../primitives/sodium.ts'
import { listedIdentity } from '../document/identity.ts'
import { keysOfList, type ListCertificates } from '../document/keys-of-list.ts'
import { globIndex, type Indexed } from './glob-index.ts'
import { BOOK_LIMIT, type KeyRecord, numberKey, revocationKey, TABLES, type TableName } from './layout.ts'
import { sharedKeys } from './shared-keys.ts'
import { tableOf } from './table.ts'

/** The header has at most so many bytes. */
const HEADER_ROOM = 200

/** A list, or a team's part of it. */
export interface BookPart {
  readonly document: ListDocument
  readonly certificate: ListCertificates
  /** Undefined for the list itself. */
  readonly team?: string
}

export interface NewBook {
  /** What the user calls the list. */
  readonly name: string
  /** The list itself first. A team that the list does not have is an error. */
  readonly parts: readonly [BookPart, ...BookPart[]]
  readonly version: number
  readonly ends: Instant
  readonly seen: Instant
}

export interface BookContents {
  readonly tables: Buffer
  /** By the SHA-256 of their bytes, in hex. */
  readonly certificates: ReadonlyMap<string, Uint8Array>
  /** SHA-256 of the tables, in hex: the same for the same content. */
  readonly digest: string
}

type Records = [key: Buffer, value: Buffer][]

/**
 * What the book of this list says. Throws FormatError for a key that cannot be used, for what is too
 * large, and for globs among which too many could match one source.
 */
export function contentsOf({ name: list, parts }: Pick<NewBook, 'name' | 'parts'>): BookContents {
  const { teams, says } = parts[0].document
  const teamNames = [...teams.keys()].sort()
  const certificates = new Map<string, Uint8Array>()
  const [principals, groups]: [Records, Records] = [[], []]
  const revocations: ListRevocation[] = []
  const entries: Indexed[] = []
  const costs = new Map<string, number>()
  const shared = sharedKeys()
  for (const { document, certificate, team } of parts) {
    const number = team === undefined ? undefined : teamNames.indexOf(team)
    if (number === -1) throw new FormatError('list', 'does not have this team', `team ${team}`)
    const called = calledBy(list, team)
    const own = recordsOf(document, certificate, certificates)
    const { kept, revoked } = revocationsOf(document, called, team === undefined ? undefined : own)
    revocations.push(...kept)
    for (const [name, keys] of own) {
      const counting = team === undefined ? shared.own(name, keys) : shared.ofTeam(keys)
      principals.push(
        record(
          called(name),
          counting.filter(key => !revoked.has(listedIdentity(key))),
        ),
      )
      costs.set(called(name), costOfPrincipal(counting.map(key => costOf(key, certificates))))
    }
    for (const [name, { members, threshold }] of document.groups) {
      groups.push(record(called(name), { members: members.map(called), threshold }))
      const people = members.reduce((sum, member) => sum + (costs.get(called(member)) ?? 0), 0)
      costs.set(called(name), costOfGroup(members.length) + people)
    }
    entries.push(...entriesOf(document, called, number))
  }
  entries.sort(({ name: a }, { name: b }) => (a < b ? -1 : 1))
  const { starts, ends } = globIndex(entries, costs)
  const scopes = teamNames.map(name => teams.get(name) ?? { names: [], urls: [] })
  const records: Readonly<Record<TableName, Records>> = {
    about: [record('about', { name: list, says })],
    principals,
    groups,
    teams: scopes.map(({ names, urls }, number) => [numberKey(number), json({ names, urls })]),
    revocations: earliestOf(revocations).map(one => [revocationKey(one.target), json(one)]),
    certificates: [...certificates.keys()].map(digest => [Buffer.from(digest, 'hex'), Buffer.alloc(0)]),
    developers: entries.map(({ record }, number) => [numberKey(number), record]),
    starts,
    ends,
  }
  const tables = Buffer.concat(TABLES.map((which, number) => tableOf(number, records[which])))
  if (tables.length > BOOK_LIMIT - HEADER_ROOM)
    throw new FormatError('list', `makes a book of more than ${BOOK_LIMIT} bytes`, `${tables.length} bytes`)
  return { tables, certificates, digest: toHex(sha256(tables)) }
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value))
}

function record(name: string, value: unknown): [Buffer, Buffer] {
  return [Buffer.from(name), json(value)]
}

function costOf(key: KeyRecord, certificates: ReadonlyMap<string, Uint8Array>): number {
  return 'key' in key ? COST_OF_KEY : costOfCertificate(certificates.get(key.sha256)?.length ?? 0)
}

function entriesOf(
  { developers }: ListDocument,
  called: (name: string) => string,
  team: number | undefined,
): readonly Indexed[] {
  return [...developers].map(([own, { names, urls, by, threshold, standing }]) => {
    const name = called(own)
    const said = { name, names, urls, by: by.map(called), threshold }
    const more = { ...(standing && { standing }), ...(team !== undefined && { team }) }
    return { name, names, urls, by: said.by, record: json({ ...said, ...more }) }
  })
}

/** Of revocations of one and the same, the one that reaches back the furthest. */
function earliestOf(revocations: readonly ListRevocation[]): readonly ListRevocation[] {
  const found = new Map<string, ListRevocation>()
  for (const one of revocations) {
    const key = revocationKey(one.target).toString()
    const other = found.get(key)
    if (other === undefined || one.from < other.from) found.set(key, one)
  }
  return [...found.values()]
}

/** The keys of each principal, checked; certificates are added to `found`. */
function recordsOf(document: ListDocument, certificate: ListCertificates, found: Map<string, Uint8Array>) {
  keysOfList(document, certificate)
  const keysOf = keysOfCertificates()
  const recordOf = (key: ListedKey): KeyRecord => {
    if ('key' in key) return key
    const { certificate: path, ...rest } = key
    const file = certificate(path)
    if (file.bytes.length > CERTIFICATE_LIMIT)
      throw new FormatError('list', `larger than ${CERTIFICATE_LIMIT} bytes`, path)
    const digest = toHex(sha256(file.bytes))
    found.set(digest, file.bytes)
    const holds = (keysOf(file, key.openpgp) ?? []).map(({ ownership }) => ownership)
    return { ...rest, sha256: digest, holds: [...new Set(holds)] }
  }
  return new Map([...document.principals].map(([name, { keys }]) => [name, keys.map(recordOf)] as const))
}

/**
 * The revocations with the subscriber's names. A team's must not reach the keys of others: the keys
 * that it revokes are left out of its own principals (`revoked`), and nothing else is said of them.
 */
function revocationsOf({ revocations }: ListDocument, called: (name: string) => string, team: unknown) {
  const revoked = new Set<string>()
  const kept = revocations.flatMap(({ target, date: from, reason }): ListRevocation[] => {
    if ('principal' in target) return [{ target: { principal: called(target.principal) }, from, reason }]
    const key = listedIdentity(target)
    if (team === undefined) return [{ target: { key }, from, reason }]
    revoked.add(key)
    return []
  })
  return { kept, revoked }
}
