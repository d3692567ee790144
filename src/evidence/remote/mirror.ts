/**
 * The mirror of a source on this machine, `<state>/mirror/<host>-<hash of the address>`. It is a
 * publication like the source itself, so it can be read as a directory of attestations; the file
 * `source` records what is known of the source. A file in it is used only after it was checked
 * against the list above it, up to the index. So an update may be interrupted, and files may be
 * deleted or damaged: what is missing is fetched again.
 *
 *     source            nixsig-mirror-1 <address>
 *                       index <SHA-256 (hex) of the index that the next lines are about>
 *                       checked <when the source last confirmed this index, seconds since 1970>
 *                       etag …, last-modified …     each if the source sent it
 *     index, <xx>/…     see formats/publication.ts
 */
import { lstatSync, readdirSync, type Stats } from 'node:fs'
import { join } from 'node:path'
import { writeDurably } from '../../files/durable-file.ts'
import { namesIn } from '../../files/names-in.ts'
import { FileError, readRegularFile } from '../../files/regular-file.ts'
import {
  APPROVALS,
  assertBoundedAbout,
  ENVELOPES,
  GRAPH_LIST,
  INDEX,
  INDEX_LIMIT,
  type Listed,
  type Listing,
  PUBLISHED_EXTENSIONS,
  type PublicationIndex,
  parseIndex,
  partOf,
} from '../../formats/publication.ts'
import type { AttestationSource } from '../../policy/policy.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { printable } from '../../primitives/printable.ts'
import { isFileListed, readList, sha256Of } from './verified.ts'

/** A source and where its mirror is. */
export interface Mirror extends AttestationSource {
  /** Absolute path. */
  readonly directory: string
}

/** What is known of a source's index. */
export interface SourceRecord {
  /** SHA-256 of that index, in hex. */
  readonly index: string
  /** When the source last confirmed it, in seconds since 1970. */
  readonly checked: number
  readonly etag?: string
  readonly lastModified?: string
}

/** The index that a mirror has, and the SHA-256 of its bytes in hex. */
export interface MirroredIndex extends PublicationIndex {
  readonly sha256: string
}

const HEAD = 'nixsig-mirror-1 '
const RECORD_LIMIT = 8192
const NAME_LIMIT = 64

/**
 * The mirror of a source. Its directory's name has the host, for people, and a hash of the whole
 * address.
 */
export function mirrorOf(state: string, source: AttestationSource): Mirror {
  const host = new URL(source.url).host.replaceAll(/[^0-9a-z.-]/g, '-').slice(0, NAME_LIMIT)
  const hash = sha256Of(Buffer.from(source.url, 'utf8')).slice(0, 16)
  return { ...source, directory: join(state, 'mirror', `${host}-${hash}`) }
}

/**
 * What is known of a source; undefined if there is no record, or a malformed one. Throws FileError.
 */
export function readRecord({ directory, url }: Mirror): SourceRecord | undefined {
  const text = readRegularFile(join(directory, 'source'), RECORD_LIMIT)?.toString('utf8') ?? ''
  const [head, ...lines] = text.split('\n')
  if (head !== HEAD + url || lines.pop() !== '') return undefined
  const fields = new Map(
    lines.map(line => [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)]),
  )
  const [index, checked] = [fields.get('index'), Number(fields.get('checked'))]
  if (index === undefined || !Number.isSafeInteger(checked)) return undefined
  const [etag, lastModified] = [fields.get('etag'), fields.get('last-modified')]
  return { index, checked, ...(etag && { etag }), ...(lastModified && { lastModified }) }
}

/** Records what is known of a source. Throws what writing throws. */
export function writeRecord({ directory, url }: Mirror, record: SourceRecord): void {
  const { index, checked, etag, lastModified } = record
  const lines = [
    HEAD + url,
    `index ${index}`,
    `checked ${checked}`,
    ...(etag === undefined ? [] : [`etag ${etag}`]),
    ...(lastModified === undefined ? [] : [`last-modified ${lastModified}`]),
  ]
  writeDurably(join(directory, 'source'), `${lines.join('\n')}\n`, { flush: false, mode: 0o644 })
}

/**
 * The index that a mirror has; undefined if there is none. It also records how new the publication
 * was when last seen, so an index that cannot be read is a FileError rather than absent.
 */
export function readIndex({ directory }: Mirror): MirroredIndex | undefined {
  const bytes = readRegularFile(join(directory, INDEX), INDEX_LIMIT)
  if (bytes === undefined) return undefined
  try {
    return { ...parseIndex(bytes), sha256: sha256Of(bytes) }
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    const name = printable(directory)
    throw new FileError(`its mirror is damaged (${error.message}): to begin anew, rm -r ${name}`)
  }
}

/** Whether the source confirmed the mirror's index at an instant (seconds since 1970) or later. */
export function isCurrent(mirror: Mirror, since: number): boolean {
  const record = readRecord(mirror)
  if (record === undefined || record.checked < since || record.checked > Date.now() / 1000) return false
  return readIndex(mirror)?.sha256 === record.index
}

/**
 * Until when a source need not be asked again if judging begins now: `max-age` after its last
 * answer, or after now if it has to be asked now. In seconds since 1970. Call it before anything
 * else asks the source. Throws FileError.
 */
export function currentUntil(mirror: Mirror, now: number): number {
  const checked = readRecord(mirror)?.checked ?? now
  const isFresh = checked <= now && checked > now - mirror.maxAge
  return (isFresh ? checked : now) + mirror.maxAge
}

/**
 * The list of a part in the mirror; undefined if it is absent or not the one that the index lists.
 * Throws FileError.
 */
export function readPart({ directory }: Mirror, part: string, listed: Listed): Listing | undefined {
  return readList(join(directory, part, INDEX), part, listed)
}

/** Whether the mirror has a file with the listed size and hash. Throws FileError. */
export function hasFile({ directory }: Mirror, name: string, listed: Listed): Promise<boolean> {
  return isFileListed(join(directory, partOf(name), name), listed)
}

/**
 * Whether the mirror has all files about a store path that its index lists, and no others about it.
 * Throws FileError, and FormatError if there is too much about one path.
 */
export async function isComplete(mirror: Mirror, index: PublicationIndex, digest: string): Promise<boolean> {
  const part = digest.slice(0, 2)
  const listed = index.parts.get(part)
  const listing = listed === undefined ? new Map<string, Listed>() : readPart(mirror, part, listed)
  if (listing === undefined) return false
  assertBoundedAbout(digest, listing)
  for (const extension of PUBLISHED_EXTENSIONS) {
    const name = digest + extension
    const file = listing.get(name)
    const isAsListed =
      file === undefined
        ? statusOf(join(mirror.directory, part, name)) === undefined
        : await hasFile(mirror, name, file)
    if (!isAsListed) return false
  }
  return true
}

/**
 * Whether the mirror has all approvals that its index lists and no others, or the list of one build
 * graph if it is named. Throws FileError.
 */
export async function hasApprovals(
  mirror: Mirror,
  index: PublicationIndex,
  graph?: string,
): Promise<boolean> {
  const listed = index.parts.get(APPROVALS)
  const listing = listed === undefined ? new Map<string, Listed>() : readPart(mirror, APPROVALS, listed)
  if (listing === undefined) return false
  const isMeant = (name: string) =>
    graph === undefined ? name.endsWith(ENVELOPES) : name === graph + GRAPH_LIST
  for (const [name, file] of listing) if (isMeant(name) && !(await hasFile(mirror, name, file))) return false
  const present = namesIn(join(mirror.directory, APPROVALS)).filter(isMeant)
  return present.every(name => listing.has(name))
}

/**
 * The names of all files that the source has, with the SHA-256 of each, by the lists in the mirror;
 * undefined if one of the lists is absent or not the one that the index lists. Throws FileError.
 */
export function listedFiles(
  mirror: Mirror,
  index: PublicationIndex,
): ReadonlyMap<string, string> | undefined {
  const files = new Map<string, string>()
  for (const [part, listed] of index.parts) {
    const listing = readPart(mirror, part, listed)
    if (listing === undefined) return undefined
    for (const [name, { sha256 }] of listing) files.set(name, sha256)
  }
  return files
}

/**
 * Whether the mirror has all files that the list of a part has, and no others. Throws FileError.
 */
export async function isPartComplete(
  mirror: Mirror,
  index: PublicationIndex,
  part: string,
): Promise<boolean> {
  const listed = index.parts.get(part)
  const listing = listed && readPart(mirror, part, listed)
  if (listing === undefined) return false
  const names = readdirSync(join(mirror.directory, part)).filter(name => name !== INDEX)
  if (names.length !== listing.size) return false
  for (const [name, file] of listing) if (!(await hasFile(mirror, name, file))) return false
  return true
}

function statusOf(file: string): Stats | undefined {
  try {
    return lstatSync(file, { throwIfNoEntry: false })
  } catch (error) {
    throw new FileError(`cannot look at ${printable(file)}: ${printable((error as Error).message)}`)
  }
}
