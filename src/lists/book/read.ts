import { dirname, join } from 'node:path'
import { readOwnedFile } from '../../files/owned-file.ts'
import { FileError } from '../../files/regular-file.ts'
import { parseKey } from '../../policy/language/keys.ts'
import type { Book, DevelopersEntry, NamedSource } from '../../policy/lists/book.ts'
import { matchesGlob } from '../../policy/match.ts'
import type { Key } from '../../policy/policy.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { toHex } from '../../primitives/hex.ts'
import { printable } from '../../primitives/printable.ts'
import { sha256 } from '../../primitives/sodium.ts'
import {
  type AboutRecord,
  BOOK_FORMAT,
  BOOK_LIMIT,
  CERTIFICATE_LIMIT,
  type KeyRecord,
  numberKey,
} from './layout.ts'
import { readAbout, readDevelopers, readGroup, readKeys } from './records.ts'
import { Table } from './table.ts'

const HEADER = /^(nixsig-book-\d{1,9})(?: ([0-9a-f]{64}) (\d{1,9}) (\d{1,15}) (\d{1,15}) (\d{1,15}))?$/
const HEADER_LIMIT = 200

/**
 * Opens the book of the list that the user calls `name`. `file`: absolute; its directories are
 * guarded already. Throws FileError, with the next step, if it is absent, not root's or this
 * user's alone, not whole, another list's, or a newer nixsig's. Its digest is what its header says.
 */
export function openBook(file: string, name: string): Book {
  const bytes = readOwnedFile(file, BOOK_LIMIT)
  if (bytes === undefined) throw unreadable(file, name, 'is not there')
  const guard = <T>(read: () => T): T => {
    try {
      return read()
    } catch (error) {
      if (error instanceof FileError) throw error
      if (error instanceof FormatError)
        throw unreadable(file, name, `is damaged: ${printable(error.message)}`)
      throw error
    }
  }
  return guard(() => bookOf(bytes, file, name, guard))
}

type Guard = <T>(read: () => T) => T

function bookOf(bytes: Buffer, file: string, name: string, guard: Guard): Book {
  const { header, start } = headerOf(bytes, file, name)
  const abouts = new Table(bytes, start)
  const people = new Table(bytes, abouts.end)
  const groups = new Table(bytes, people.end)
  const entries = new Table(bytes, groups.end)
  const starts = new Table(bytes, entries.end)
  if (starts.end !== bytes.length)
    throw new FormatError('book', 'more than its tables', `offset ${starts.end}`)
  const about = readAbout(abouts.get(Buffer.from('about')) ?? Buffer.alloc(0))
  if (about.name !== name)
    throw unreadable(file, name, `is the book of another list, "${printable(String(about.name))}"`)
  return {
    ...header,
    says: about.says,
    revocations: about.revocations,
    principal: who =>
      guard(() => {
        const found = people.get(Buffer.from(who))
        if (found === undefined) return undefined
        return { name: who, keys: readKeys(found).map(key => keyOf(key, file, name)) }
      }),
    group: who =>
      guard(() => {
        const found = groups.get(Buffer.from(who))
        return found && { name: who, ...readGroup(found) }
      }),
    holdersOf: identity =>
      guard(() => {
        const places = Array.from({ length: people.count }, (_, at) => at)
        const found = places.filter(at => readKeys(people.at(at)).some(key => identityOf(key) === identity))
        return found.map(at => people.keyAt(at).toString('utf8'))
      }),
    developersOf: source =>
      guard(() => {
        const candidates = [...numbersFor(starts, source.name)].sort((a, b) => a - b)
        return candidates.flatMap(number => {
          const found = entries.get(numberKey(number))
          if (found === undefined) throw new FormatError('book', 'an entry is missing', `entry ${number}`)
          const { team, ...entry } = readDevelopers(found)
          if (team === undefined) return matches(entry, undefined, source) ? [entry] : []
          const within = teamOf(about, team)
          return matches(entry, within, source) ? [{ ...entry, within }] : []
        })
      }),
  }
}

function headerOf(bytes: Buffer, file: string, name: string) {
  const end = bytes.subarray(0, HEADER_LIMIT).indexOf(10)
  const [, format, digest, size, version, ends, seen] =
    HEADER.exec(bytes.toString('latin1', 0, Math.max(end, 0))) ?? []
  if (format !== undefined && format !== BOOK_FORMAT)
    throw unreadable(file, name, `was written by another version of nixsig (${format}, not ${BOOK_FORMAT})`)
  if (digest === undefined) throw unreadable(file, name, 'does not begin as a book does')
  const found = bytes.length - end - 1
  if (Number(size) !== found) throw unreadable(file, name, `is not whole: ${found} bytes of ${size}`)
  const header = { digest, version: Number(version), ends: Number(ends), seen: Number(seen) }
  return { header, start: end + 1 }
}

/** The numbers of all entries with a glob whose literal beginning is one of the name's. */
function numbersFor(starts: Table, name: string): ReadonlySet<number> {
  const numbers = new Set<number>()
  const bytes = Buffer.from(name)
  for (let length = 0; length <= bytes.length; length++) {
    const found = starts.get(bytes.subarray(0, length))
    if (found === undefined) continue
    for (let at = 0; at < found.length; at += 4) numbers.add(found.readUInt32LE(at))
  }
  return numbers
}

type Scope = Pick<DevelopersEntry, 'names' | 'urls'>

/** A team's globs have to match as well, and one address the globs of both. */
function matches(entry: Scope, team: Scope | undefined, { name, urls }: NamedSource): boolean {
  const scopes = team === undefined ? [entry] : [entry, team]
  if (!scopes.every(({ names }) => names.some(glob => matchesGlob(glob, name)))) return false
  const demanding = scopes.filter(scope => scope.urls.length > 0)
  if (demanding.length === 0) return true
  return (
    urls === 'any' ||
    urls.some(url => demanding.every(scope => scope.urls.some(glob => matchesGlob(glob, url))))
  )
}

function teamOf({ teams }: AboutRecord, number: number): Scope {
  const team = teams[number]
  if (team === undefined) throw new FormatError('book', 'a team is missing', `team ${number}`)
  return team
}

function identityOf(record: KeyRecord): string {
  return 'key' in record ? parseKey(record.key).identity : `openpgp:${record.openpgp}`
}

function keyOf(record: KeyRecord, file: string, name: string): Key {
  const { validFrom, validUntil } = record
  const validity = {
    ...(validFrom !== undefined && { validFrom }),
    ...(validUntil !== undefined && { validUntil }),
  }
  if ('key' in record) {
    const { namespaces } = record
    return { ...parseKey(record.key), ...validity, ...(namespaces && { namespaces }) }
  }
  const { openpgp, sha256: digest, holds } = record
  const certificate = join(dirname(file), 'certificates', `${digest}.pgp`)
  const bytes = readOwnedFile(certificate, CERTIFICATE_LIMIT)
  if (bytes === undefined || toHex(sha256(bytes)) !== digest)
    throw unreadable(
      certificate,
      name,
      bytes === undefined ? 'is not there' : 'has other contents than the book says',
    )
  const identity = `openpgp:${openpgp}`
  return { kind: 'openpgp', identity, label: openpgp, fingerprint: openpgp, certificate, holds, ...validity }
}

function unreadable(file: string, name: string, problem: string): FileError {
  return new FileError(
    `${printable(file)} ${problem}: fetch the list again with "nixsig trust update ${printable(name)}"`,
  )
}
