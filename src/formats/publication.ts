/**
 * A publication: a directory of attestations that any file server can serve, with two levels of
 * lists of its contents. For 100,000 files a reader gets one list of 80 KB, and one of 10 KB for
 * each part that it needs.
 *
 *     index                       nixsig-publication-1 <time of the last change, RFC 3339 in UTC>
 *                                 <xx> <bytes of xx/index> <its SHA-256>     one line each, sorted
 *     <xx>/index                  nixsig-publication-part-1 <xx>
 *                                 <digest><extension> <bytes> <SHA-256>      one line each, sorted
 *     <xx>/<digest><extension>    the listed bytes; more may have been appended since
 *     approvals/index             as in a part, of approvals: <graph>.intoto.jsonl and <graph>.graph
 *     keys/index                  likewise, of certificates of keys: ed25519-<key>.intoto.jsonl
 *
 * `digest` is the hash part of a store path and `xx` its first two characters; `graph` is the
 * SHA-256 of the list of an approved build graph; `key` is the raw key that signed, in hex. SHA-256 is in lower-case hex. A list has only one spelling, so parsing and printing it gives the same bytes.
 */
import { FormatError } from '../primitives/format-error.ts'
import { toHex } from '../primitives/hex.ts'
import { printable } from '../primitives/printable.ts'
import { DIRECT_SIGNATURES } from './detached/forms.ts'
import { decodeUtf8 } from './json/strict.ts'
import { parseTimestamp, printTimestamp } from './timestamp.ts'

/** The file name of a list, in the publication itself and in each part. */
export const INDEX = 'index'

/** Limits, in bytes, of the first list, a part's list and a file. */
export const INDEX_LIMIT = 128 * 1024
export const PART_LIMIT = 4 * 1024 * 1024
export const PUBLISHED_FILE_LIMIT = 16 * 1024 * 1024

/** Limit, in bytes, of the list of a build graph. */
export const PUBLISHED_GRAPH_LIMIT = 128 * 1024 * 1024

/** The part of approvals. All others are named by two characters. */
export const APPROVALS = 'approvals'

/** The part of certificates of keys. */
export const KEY_CERTIFICATES = 'keys'

const CERTIFICATE_NAME = /^ed25519-[0-9a-f]{64}\.intoto\.jsonl$/

/** The name of the file with the certificates that a raw Ed25519 key signed. */
export function certificateFileName(publicKey: Uint8Array): string {
  return `ed25519-${toHex(publicKey)}${ENVELOPES}`
}

/** What follows the digest in the names of envelopes, and of the list of a build graph. */
export const ENVELOPES = '.intoto.jsonl'
export const GRAPH_LIST = '.graph'

/** Limit, in bytes, of all files about one store path together. */
export const PUBLISHED_PATH_LIMIT = 32 * 1024 * 1024

/**
 * The sets of signatures about one store path, each with its own checksum list: `<digest>.asc`
 * belongs to the first, `<digest>.2.asc` to the second … So a signature that is already stored does
 * not keep others out.
 */
export const SIGNATURE_SETS = [1, 2, 3, 4, 5, 6, 7, 8] as const

/** The number of a set. */
export type SignatureSet = (typeof SIGNATURE_SETS)[number]

/** What precedes the extension of a signature in this set. */
export function setPrefix(set: SignatureSet): '' | `.${SignatureSet}` {
  return set === 1 ? '' : `.${set}`
}

const SIGNATURES = [
  ...DIRECT_SIGNATURES,
  '.sums',
  ...DIRECT_SIGNATURES.map(extension => `.sums${extension}` as const),
] as const

/** The extensions that may follow the digest in a file's name. */
export const PUBLISHED_EXTENSIONS: readonly string[] = [
  '.intoto.jsonl',
  ...SIGNATURE_SETS.flatMap(set => SIGNATURES.map(extension => `${setPrefix(set)}${extension}`)),
  '.narinfo',
]

const KNOWN_EXTENSIONS = new Set(PUBLISHED_EXTENSIONS)

/** Splits the extension of a signature into its set and the rest: `.2.asc` into 2 and `.asc`. */
export function splitExtension(extension: string): {
  readonly set: SignatureSet
  readonly plain: string
} {
  const [, digit, plain = ''] = /^\.([2-8])(\..+)$/.exec(extension) ?? []
  return digit === undefined ? { set: 1, plain: extension } : { set: Number(digit) as SignatureSet, plain }
}

/** The size and hash of some contents. */
export interface Listed {
  readonly size: number
  /** SHA-256, lower-case hex. */
  readonly sha256: string
}

/** By name, sorted: parts by their two characters, files by digest and extension. */
export type Listing = ReadonlyMap<string, Listed>

/** The first list of a publication. */
export interface PublicationIndex {
  /**
   * Time of the last change, in whole seconds since 1970 by the publisher's clock. It never goes
   * back.
   */
  readonly published: number
  readonly parts: Listing
}

const HEAD = 'nixsig-publication-1 '
const PART_HEAD = 'nixsig-publication-part-1 '

/** Whether this is a part's name: two characters that a digest can begin with, or one of the two above. */
export function isPartName(name: string): boolean {
  return name === APPROVALS || name === KEY_CERTIFICATES || /^[0-9a-df-np-sv-z]{2}$/.test(name)
}

/** The part that a published file belongs to. */
export function partOf(name: string): string {
  if (CERTIFICATE_NAME.test(name)) return KEY_CERTIFICATES
  return isOfApproval(name) ? APPROVALS : name.slice(0, 2)
}

/** The most bytes that a published file may have. */
export function limitOf(name: string): number {
  return name.endsWith(GRAPH_LIST) ? PUBLISHED_GRAPH_LIMIT : PUBLISHED_FILE_LIMIT
}

function isOfApproval(name: string): boolean {
  return /^[0-9a-f]{64}\.(intoto\.jsonl|graph)$/.test(name)
}

/**
 * Splits the name of a published file into digest, of a path or a graph, and extension; undefined
 * if it is not such a name.
 */
export function parsePublishedName(
  name: string,
): { readonly digest: string; readonly extension: string } | undefined {
  if (isOfApproval(name)) return { digest: name.slice(0, 64), extension: name.slice(64) }
  if (CERTIFICATE_NAME.test(name)) return { digest: name.slice(0, -ENVELOPES.length), extension: ENVELOPES }
  const [, digest, extension] = /^([0-9a-df-np-sv-z]{32})(\.[a-z0-9.]{1,30})$/.exec(name) ?? []
  if (digest === undefined || extension === undefined || !KNOWN_EXTENSIONS.has(extension)) {
    return undefined
  }
  return { digest, extension }
}

/** Parses the first list of a publication. Throws FormatError. */
export function parseIndex(bytes: Uint8Array): PublicationIndex {
  const [head, lines] = linesOf(bytes, INDEX_LIMIT)
  if (!head.startsWith(HEAD)) throw malformed('not the index of a publication that this nixsig can read', 1)
  const published = parseTimestamp(head.slice(HEAD.length))
  if (head !== HEAD + printTimestamp(published)) throw malformed('a time with a fraction of a second', 1)
  return { published, parts: readListing(lines, { fits: isPartName, limitOf: () => PART_LIMIT }) }
}

/** The bytes of the first list. */
export function printIndex({ published, parts }: PublicationIndex): Uint8Array {
  return printListing(HEAD + printTimestamp(published), parts)
}

/** Parses the list of the part with this name. Throws FormatError. */
export function parsePart(bytes: Uint8Array, part: string): Listing {
  const [head, lines] = linesOf(bytes, PART_LIMIT)
  if (head !== PART_HEAD + part) throw malformed(`not the index of part ${part}`, 1)
  const fits = (name: string) => partOf(name) === part && parsePublishedName(name) !== undefined
  return readListing(lines, { fits, limitOf })
}

/** Throws FormatError if a part lists more about this store path than any reader takes. */
export function assertBoundedAbout(digest: string, listing: Listing): void {
  const sizes = PUBLISHED_EXTENSIONS.map(extension => listing.get(digest + extension)?.size ?? 0)
  if (sizes.reduce((sum, size) => sum + size, 0) <= PUBLISHED_PATH_LIMIT) return
  throw new FormatError('publication', `lists more than ${PUBLISHED_PATH_LIMIT} bytes about one path`, digest)
}

/** The bytes of a part's list. Throws FormatError if there are too many. */
export function printPart(part: string, files: Listing): Uint8Array {
  const bytes = printListing(PART_HEAD + part, files)
  if (bytes.length <= PART_LIMIT) return bytes
  throw new FormatError('publication', `larger than ${PART_LIMIT} bytes`, `part ${part}`)
}

function linesOf(bytes: Uint8Array, limit: number): readonly [head: string, lines: readonly string[]] {
  if (bytes.length > limit) throw malformed(`larger than ${limit} bytes`, 1)
  const all = decodeUtf8(bytes, 'publication').split('\n')
  if (all.pop() !== '') throw malformed('the last line breaks off', all.length + 1)
  const [head = '', ...lines] = all
  return [head, lines]
}

function readListing(
  lines: readonly string[],
  { fits, limitOf }: { readonly fits: (name: string) => boolean; readonly limitOf: (name: string) => number },
): Listing {
  const listing = new Map<string, Listed>()
  let last = ''
  for (const [index, line] of lines.entries()) {
    const [, name, size, sha256] = /^(\S+) ([1-9]\d{0,9}) ([0-9a-f]{64})$/.exec(line) ?? []
    if (name === undefined || sha256 === undefined)
      throw malformed('not a name, a size and a SHA-256', index + 2)
    if (!fits(name)) throw malformed(`"${printable(name, 80)}" is not a name that is allowed here`, index + 2)
    if (name <= last) throw malformed(`"${name}" is out of order or there twice`, index + 2)
    if (Number(size) > limitOf(name))
      throw malformed(`${name} is larger than ${limitOf(name)} bytes`, index + 2)
    listing.set(name, { size: Number(size), sha256 })
    last = name
  }
  return listing
}

function printListing(head: string, listing: Listing): Uint8Array {
  const names = [...listing.keys()].sort()
  const lines = names.map(name => `${name} ${listing.get(name)?.size} ${listing.get(name)?.sha256}`)
  return Buffer.from(`${[head, ...lines].join('\n')}\n`, 'utf8')
}

function malformed(problem: string, line: number): FormatError {
  return new FormatError('publication', problem, `line ${line}`)
}
