import { dirname, join } from 'node:path'
import { crc32 } from 'node:zlib'
import { type HeldFile, holdOwnedFile } from '../../files/held-file.ts'
import { readOwnedFile } from '../../files/owned-file.ts'
import { FileError } from '../../files/regular-file.ts'
import { CERTIFICATE_LIMIT, validityOf } from '../../formats/lists/listed.ts'
import { parseKey } from '../../policy/language/keys.ts'
import type { Book, DevelopersEntry, NamedSource } from '../../policy/lists/book.ts'
import { matchesGlob } from '../../policy/match.ts'
import type { Key, Principal } from '../../policy/policy.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { toHex } from '../../primitives/hex.ts'
import { printable } from '../../primitives/printable.ts'
import { sha256 } from '../../primitives/sodium.ts'
import { listedIdentity } from '../document/identity.ts'
import { numbersFor } from './glob-index.ts'
import {
  BOOK_FORMAT,
  BOOK_LIMIT,
  type KeyRecord,
  numberKey,
  revocationKey,
  TABLES,
  type TableName,
} from './layout.ts'
import { paged } from './paged.ts'
import { readAbout, readDevelopers, readGroup, readKeys, readRevocation, readTeam } from './records.ts'
import { Table } from './table.ts'

const HEADER =
  /^(nixsig-book-\d{1,9})(?: ([0-9a-f]{64}) (\d{1,9}) (\d{1,15}) (\d{1,15}) (\d{1,15}) ([0-9a-f]{8}))?$/
const HEADER_LIMIT = 200

/** A FileError that has its next step. */
class BookError extends FileError {}

/** A book as its file has it. */
export interface OpenBook {
  /** What its header says, and `at`: where the tables begin. */
  readonly header: Pick<Book, 'digest' | 'version' | 'ends' | 'seen'> & { readonly at: number }
  readonly tables: Readonly<Record<TableName, Table>>
  readonly held: HeldFile
  /** Runs what reads the book. What it finds damaged becomes a FileError with the next step. */
  readonly guard: <T>(read: () => T) => T
  /** Such a FileError; `what` is wrong with a file of the list. */
  readonly unreadable: (what: string, file?: string) => FileError
}

/**
 * Opens the book of the list that the user calls `name`. `file`: absolute; its directories are
 * guarded already. Reads the header and what look-ups need, from the file as it was when it was opened.
 * Throws FileError, with the next step, if it is absent, not root's or this user's alone, not
 * whole, another list's, or a newer nixsig's; look-ups do so for damage to what they read. Its
 * digest is what its header says; checkBook reads all of it.
 */
export function openBook(file: string, name: string): Book {
  const book = openTables(file, name)
  const { guard, header, tables } = book
  const { says } = guard(() => aboutOf(book, name))
  const { digest, version, ends, seen } = header
  return {
    ...{ digest, version, ends, seen, says },
    get revocations() {
      return guard(() => [...tables.revocations].map(({ value }) => readRevocation(value)))
    },
    revocationsOf: principal => guard(() => revocationsOf(tables.revocations, principal)),
    principal: who =>
      guard(() => {
        const found = tables.principals.get(Buffer.from(who))
        return found && { name: who, keys: readKeys(found).map(key => keyOf(key, file, book)) }
      }),
    group: who =>
      guard(() => {
        const found = tables.groups.get(Buffer.from(who))
        return found && { name: who, ...readGroup(found) }
      }),
    holdersOf: identity =>
      guard(() =>
        [...tables.principals]
          .filter(({ value }) => readKeys(value).some(key => listedIdentity(key) === identity))
          .map(({ key }) => key.toString('utf8')),
      ),
    developersOf: source => guard(() => developersOf(tables, source)),
  }
}

/** Opens the tables of a book. Throws as openBook does. */
export function openTables(file: string, name: string): OpenBook {
  const unreadable: OpenBook['unreadable'] = (what, path = file) =>
    new BookError(
      `${printable(path)} ${what}: fetch the list again with "nixsig trust update ${printable(name)}"`,
    )
  const held = holdOwnedFile(file)
  if (held === undefined) throw unreadable('is not there')
  const guard: OpenBook['guard'] = read => {
    try {
      const value = read()
      held.assertUnchanged()
      return value
    } catch (error) {
      if (error instanceof FormatError) throw unreadable(`is damaged: ${printable(error.message)}`)
      if (error instanceof FileError && !(error instanceof BookError))
        throw new FileError(`${error.message}: ask again, or "nixsig trust update ${printable(name)}"`)
      throw error
    }
  }
  return guard(() => {
    const header = headerOf(held, unreadable)
    let at = header.at
    const source = paged(held)
    const tables = TABLES.map((which, number) => {
      const table = new Table(source, at, number)
      at = table.end
      return [which, table] as const
    })
    if (at !== held.size) throw new FormatError('book', 'more than its tables', `offset ${at}`)
    return {
      header,
      tables: Object.fromEntries(tables) as OpenBook['tables'],
      held,
      guard,
      unreadable,
    }
  })
}

function headerOf(held: HeldFile, unreadable: OpenBook['unreadable']): OpenBook['header'] {
  if (held.size > BOOK_LIMIT) throw unreadable(`is larger than ${BOOK_LIMIT} bytes`)
  const line = held.read(0, Math.min(held.size, HEADER_LIMIT)).toString('latin1').split('\n', 2)
  const text = line.length < 2 ? '' : (line[0] ?? '')
  const [, format, digest, size, version, ends, seen, sum] = HEADER.exec(text) ?? []
  if (format !== undefined && format !== BOOK_FORMAT)
    throw unreadable(`was written by another version of nixsig (${format}, not ${BOOK_FORMAT})`)
  if (digest === undefined || sum === undefined) throw unreadable('does not begin as a book does')
  if (Number.parseInt(sum, 16) !== crc32(text.slice(0, -sum.length)))
    throw unreadable('is damaged: its first line has another checksum')
  const at = text.length + 1
  if (Number(size) !== held.size - at) throw unreadable(`is not whole: ${held.size - at} bytes of ${size}`)
  return { digest, version: Number(version), ends: Number(ends), seen: Number(seen), at }
}

function aboutOf({ tables, unreadable }: OpenBook, name: string) {
  const about = readAbout(tables.about.get(Buffer.from('about')) ?? Buffer.alloc(0))
  if (about.name !== name) throw unreadable(`is the book of another list, "${printable(about.name)}"`)
  return about
}

function revocationsOf(table: Table, { name, keys }: Principal) {
  const targets = [{ principal: name }, ...keys.map(({ identity }) => ({ key: identity }))]
  return targets.flatMap(target => {
    const found = table.get(revocationKey(target))
    return found === undefined ? [] : [readRevocation(found)]
  })
}

function developersOf(tables: OpenBook['tables'], source: NamedSource): readonly DevelopersEntry[] {
  return numbersFor(tables.starts, tables.ends, source.name).flatMap(number => {
    const { team, ...entry } = readDevelopers(numbered(tables.developers, number))
    if (team === undefined) return matchesAll([entry], source) ? [entry] : []
    const within = readTeam(numbered(tables.teams, team))
    return matchesAll([entry, within], source) ? [{ ...entry, within }] : []
  })
}

/** Numbers count from 0 without a gap, in the order of their keys. */
function numbered(table: Table, number: number): Buffer {
  const { key, value } = table.at(number)
  if (!key.equals(numberKey(number))) throw new FormatError('book', 'a record is missing', `number ${number}`)
  return value
}

type Scope = Pick<DevelopersEntry, 'names' | 'urls'>

/** A team's globs have to match as well, and one address the globs of both. */
function matchesAll(scopes: readonly Scope[], { name, urls }: NamedSource): boolean {
  if (!scopes.every(({ names }) => names.some(glob => matchesGlob(glob, name)))) return false
  const demanding = scopes.filter(scope => scope.urls.length > 0)
  if (demanding.length === 0) return true
  return (
    urls === 'any' ||
    urls.some(url => demanding.every(scope => scope.urls.some(glob => matchesGlob(glob, url))))
  )
}

/** The file of a certificate, by the SHA-256 of its bytes. */
export function certificateFile(book: string, digest: string): string {
  return join(dirname(book), 'certificates', `${digest}.pgp`)
}

function keyOf(record: KeyRecord, file: string, { unreadable }: OpenBook): Key {
  const validity = validityOf(record)
  if ('key' in record) {
    const { namespaces } = record
    return { ...parseKey(record.key), ...validity, ...(namespaces && { namespaces }) }
  }
  const { openpgp, sha256: digest, holds } = record
  const certificate = certificateFile(file, digest)
  const bytes = readOwnedFile(certificate, CERTIFICATE_LIMIT)
  if (bytes === undefined) throw unreadable('is not there', certificate)
  if (toHex(sha256(bytes)) !== digest) throw unreadable('has other contents than the book says', certificate)
  const identity = listedIdentity(record)
  return { kind: 'openpgp', identity, label: openpgp, fingerprint: openpgp, certificate, holds, ...validity }
}
