import { chmodSync, lstatSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { isPartial, writeDurably } from '../../files/durable-file.ts'
import { readOwnedFile } from '../../files/owned-file.ts'
import { removeFile } from '../../files/remove-file.ts'
import type { ListDocument, ListedKey } from '../../formats/lists/listed.ts'
import { parseKey } from '../../policy/language/keys.ts'
import { keysOfCertificates } from '../../policy/language/openpgp-keys.ts'
import type { ListRevocation } from '../../policy/lists/book.ts'
import type { Instant } from '../../policy/policy.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { toHex } from '../../primitives/hex.ts'
import { sha256 } from '../../primitives/sodium.ts'
import { keysOfList, type ListCertificates } from '../document/keys-of-list.ts'
import {
  BOOK_FORMAT,
  BOOK_LIMIT,
  CERTIFICATE_LIMIT,
  type KeyRecord,
  literalStart,
  numberKey,
} from './layout.ts'
import { tableOf } from './table.ts'

/** Whoever judges may read what anybody can fetch. */
const READABLE = 0o644

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

/**
 * Writes `book` and its certificates below `directory`, `<state>/lists/NAME`, and returns its digest:
 * the same for the same content. If it is interrupted, the old book or the new one is whole. Throws
 * FormatError for a key that cannot be used or is too large.
 */
export function writeBook(directory: string, book: NewBook): string {
  const { tables, certificates, digest } = contentsOf(book)
  const kept = join(directory, 'certificates')
  mkdirSync(kept, { recursive: true, mode: 0o755 })
  chmodSync(kept, 0o755)
  for (const [name, bytes] of certificates) {
    const file = join(kept, name)
    if (!isWritten(file, bytes)) writeDurably(file, bytes, { flush: true, mode: READABLE })
  }
  const { version, ends, seen } = book
  const header = `${BOOK_FORMAT} ${digest} ${tables.length} ${version} ${ends} ${seen}\n`
  const whole = Buffer.concat([Buffer.from(header), tables])
  writeDurably(join(directory, 'book'), whole, { flush: true, mode: READABLE })
  for (const name of readdirSync(kept)) if (!certificates.has(name)) removeFile(join(kept, name))
  for (const name of readdirSync(directory))
    if (name.startsWith('book.') && isPartial(name)) removeFile(join(directory, name))
  return digest
}

/** The digest that `writeBook` would return. Throws what it throws, and writes nothing. */
export function digestOfBook(book: Pick<NewBook, 'name' | 'parts'>): string {
  return contentsOf(book).digest
}

function isWritten(file: string, bytes: Uint8Array): boolean {
  const status = lstatSync(file, { throwIfNoEntry: false })
  if (status?.isFile() !== true || status.size !== bytes.length) return false
  return readOwnedFile(file, CERTIFICATE_LIMIT)?.equals(bytes) === true
}

type Entries = [Buffer, Buffer][]

function contentsOf({ name: list, parts }: Pick<NewBook, 'name' | 'parts'>) {
  const { teams, says } = parts[0].document
  const certificates = new Map<string, Uint8Array>()
  const teamNames = [...teams.keys()].sort()
  const revocations: ListRevocation[] = []
  const [people, groups, developers]: [Entries, Entries, Entries] = [[], [], []]
  const entries: (readonly [name: string, names: readonly string[], record: object])[] = []
  for (const { document, certificate, team } of parts) {
    const number = team === undefined ? undefined : teamNames.indexOf(team)
    if (number === -1) throw new FormatError('list', 'has no such team', `team ${team}`)
    const called = (name: string) => `${list}/${team === undefined ? '' : `${team}.`}${name}`
    const own = recordsOf(document, certificate, certificates)
    const { kept, revoked } = revocationsOf(document, called, team === undefined ? undefined : own)
    revocations.push(...kept)
    for (const [name, keys] of own)
      people.push(
        item(
          called(name),
          keys.filter(key => !revoked.has(identityOf(key))),
        ),
      )
    for (const [name, { members, threshold }] of document.groups)
      groups.push(item(called(name), { members: members.map(called), threshold }))
    for (const [name, { names, urls, by, threshold, standing }] of document.developers) {
      const record = { name: called(name), names, urls, by: by.map(called), threshold }
      entries.push([
        called(name),
        names,
        { ...record, ...(standing && { standing }), ...(number !== undefined && { team: number }) },
      ])
    }
  }
  entries.sort(([a], [b]) => (a < b ? -1 : 1))
  const starts = new Map<string, Set<number>>()
  for (const [number, [, globs, record]] of entries.entries()) {
    developers.push([numberKey(number), Buffer.from(JSON.stringify(record))])
    for (const start of globs.map(literalStart))
      starts.set(start, (starts.get(start) ?? new Set()).add(number))
  }
  const scopes = teamNames.map(name => ({
    names: teams.get(name)?.names ?? [],
    urls: teams.get(name)?.urls ?? [],
  }))
  const about = item('about', { name: list, says, revocations, teams: scopes })
  const index: Entries = [...starts].map(([start, numbers]) => [
    Buffer.from(start),
    Buffer.from(Uint32Array.from(numbers).buffer),
  ])
  const tables = Buffer.concat([[about], people, groups, developers, index].map(tableOf))
  if (tables.length > BOOK_LIMIT - 200)
    throw new FormatError('list', `makes a book of more than ${BOOK_LIMIT} bytes`, `${tables.length} bytes`)
  return { tables, certificates, digest: toHex(sha256(tables)) }
}

function item(name: string, value: unknown): [Buffer, Buffer] {
  return [Buffer.from(name), Buffer.from(JSON.stringify(value))]
}

/** The keys of each principal, checked; certificates are added to `found` by the name of their file. */
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
    found.set(`${digest}.pgp`, file.bytes)
    const holds = (keysOf(file, key.openpgp) ?? []).map(({ ownership }) => ownership)
    return { ...rest, sha256: digest, holds: [...new Set(holds)] }
  }
  return new Map([...document.principals].map(([name, { keys }]) => [name, keys.map(recordOf)] as const))
}

function identityOf(key: KeyRecord): string {
  return 'key' in key ? parseKey(key.key).identity : `openpgp:${key.openpgp}`
}

/**
 * The revocations with the subscriber's names. A team's must not reach the keys of others: the keys
 * that it revokes are left out of its own principals (`revoked`), and nothing else is said of them.
 */
function revocationsOf({ revocations }: ListDocument, called: (name: string) => string, team: unknown) {
  const revoked = new Set<string>()
  const kept = revocations.flatMap(({ target, date: from, reason }): ListRevocation[] => {
    if ('principal' in target) return [{ target: { principal: called(target.principal) }, from, reason }]
    const key = 'key' in target ? parseKey(target.key).identity : `openpgp:${target.openpgp}`
    if (team === undefined) return [{ target: { key }, from, reason }]
    revoked.add(key)
    return []
  })
  return { kept, revoked }
}
