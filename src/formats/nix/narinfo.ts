/**
 * What a binary cache says about a store path: lines of `Name: value` (Nix's source,
 * src/libstore/nar-info.cc). Read strictly in what signatures cover, and as Nix does in the rest:
 * what is unknown or unreadable there is passed over.
 */
import { posix } from 'node:path'
import { FormatError } from '../../primitives/format-error.ts'
import { printable } from '../../primitives/printable.ts'
import { type ContentAddress, parseContentAddress, printContentAddress } from './content-address.ts'
import { fixedOutputPath } from './make-store-path.ts'
import { covered, type Field, inField, last, readFields, required } from './narinfo-fields.ts'
import { isHexHash, parseAnyNixHash, printNixHash } from './nix-hash.ts'
import { baseName, isDerivationPath, parseStorePath, STORE_DIR } from './store-path.ts'

/** Limit on the characters of a narinfo. */
export const NARINFO_LIMIT = 1024 * 1024

const REFERENCE_LIMIT = 10_000
const SIGNATURE_LENGTH = 512
const URL_LENGTH = 8192

/**
 * What a Nix signature covers. Store paths are full, hashes are SHA-256 in lower-case hex, sizes
 * are in bytes.
 */
export interface SignedNar {
  readonly path: string
  readonly narHash: string
  readonly narSize: number
  /** In any order; may contain the path itself. */
  readonly references: readonly string[]
}

/** A whole narinfo. No signature covers the fields that this adds. */
export interface Narinfo extends SignedNar {
  /**
   * The URL of the compressed NAR: relative to the cache's root, or absolute. Visible ASCII; other
   * bytes are percent-encoded.
   */
  readonly url: string
  /** One of Nix's: `xz`, `zstd`, `none` …; if absent, `bzip2`. */
  readonly compression: string | undefined
  /** The SHA-256 hash and the size of the compressed file at the URL, where they can be read. */
  readonly fileHash: string | undefined
  readonly fileSize: number | undefined
  readonly deriver: string | undefined
  /** Only written by Nix before 2.4. */
  readonly system: string | undefined
  /** As written, in any form: anybody may have added them. Visible ASCII. */
  readonly signatures: readonly string[]
  readonly contentAddress: ContentAddress | undefined
}

/**
 * The names of compressions that Nix knows. Versions before 2.35 take any other word as well, and
 * then go by the first bytes of the file, as they do for all but `none` and `br`.
 */
const COMPRESSIONS: readonly string[] = [
  'none',
  'br',
  'bzip2',
  'compress',
  'grzip',
  'gzip',
  'lrzip',
  'lz4',
  'lzip',
  'lzma',
  'lzop',
  'xz',
  'zstd',
]

/**
 * Parses a narinfo, given as Latin-1: a character for each byte. Without `References` there are
 * none. Throws FormatError with the line number if Nix could not read it, or if it does not say one
 * thing only about what signatures cover. Of what they do not cover, unknown fields and values that
 * cannot be read are left out, and the last of repeated fields counts.
 */
export function parseNarinfo(text: string): Narinfo {
  if (text.length > NARINFO_LIMIT) {
    throw new FormatError('narinfo', `longer than ${NARINFO_LIMIT} characters`, `length ${text.length}`)
  }
  const fields = readFields(text)
  const value = (name: string) => last(fields, name)?.value
  return {
    path: required(covered(fields, 'StorePath', readStorePath), 'StorePath'),
    url: inField(required(last(fields, 'URL'), 'URL'), readUrl),
    compression: COMPRESSIONS.find(name => name === value('Compression')),
    fileHash: passingOver(value('FileHash'), readSha256),
    fileSize: passingOver(value('FileSize'), readSize),
    narHash: required(covered(fields, 'NarHash', readSha256), 'NarHash'),
    narSize: required(covered(fields, 'NarSize', readNarSize), 'NarSize'),
    references: covered(fields, 'References', readReferences) ?? [],
    deriver: passingOver(value('Deriver'), readDeriver),
    system: passingOver(value('System'), readWord),
    signatures: fields.flatMap(({ name, value }) =>
      name === 'Sig' && isSignatureText(value) ? [value] : [],
    ),
    contentAddress: readContentAddress(fields),
  }
}

/**
 * The text of a narinfo, in Nix's order. Throws FormatError if a value cannot stand on its line.
 */
export function printNarinfo(narinfo: Narinfo): string {
  const { compression, fileHash, fileSize, deriver, system, contentAddress } = narinfo
  const lines: readonly (readonly [name: string, value: string | undefined])[] = [
    ['StorePath', narinfo.path],
    ['URL', narinfo.url],
    ['Compression', compression],
    ['FileHash', fileHash && printSha256(fileHash)],
    ['FileSize', fileSize?.toString()],
    ['NarHash', printSha256(narinfo.narHash)],
    ['NarSize', narinfo.narSize.toString()],
    ['References', narinfo.references.map(printBase).join(' ')],
    ['Deriver', deriver && printBase(deriver)],
    ['System', system],
    ...narinfo.signatures.map(signature => ['Sig', signature] as const),
    ['CA', contentAddress && printContentAddress(contentAddress)],
  ]
  return lines.map(([name, value]) => (value === undefined ? '' : printLine(name, value))).join('')
}

/**
 * The fingerprint that Nix signs (Nix manual, "Store object signatures"): version, path, NAR hash,
 * NAR size, and the references sorted by name. Throws FormatError for anything that could be read
 * as another fingerprint.
 */
export function narFingerprint(nar: SignedNar): string {
  const known = FINGERPRINTS.get(nar)
  if (known !== undefined) return known
  const fingerprint = printFingerprint(nar)
  FINGERPRINTS.set(nar, fingerprint)
  return fingerprint
}

/** Fingerprints that were computed: a verdict needs each several times. */
const FINGERPRINTS = new WeakMap<SignedNar, string>()

function printFingerprint({ path, narHash, narSize, references }: SignedNar): string {
  if (!isHexHash('sha256', narHash)) throw malformed('not a SHA-256 in hex', narHash)
  if (!Number.isSafeInteger(narSize) || narSize <= 0) throw malformed('not the size of a NAR', `${narSize}`)
  const sorted = [...new Set(references.map(readPath))].sort()
  return `1;${readPath(path)};${printSha256(narHash)};${narSize};${sorted.join(',')}`
}

/**
 * Whether the path follows from its content address: Nix accepts such a path without a signature.
 */
export function isContentAddressed(narinfo: Narinfo): boolean {
  const { path, references, contentAddress } = narinfo
  if (contentAddress === undefined) return false
  const others = references.filter(reference => reference !== path)
  const self = others.length < references.length
  try {
    const { name } = parseStorePath(path)
    return fixedOutputPath({ ...contentAddress, name, references: others, self }) === path
  } catch (error) {
    if (error instanceof FormatError) return false
    throw error
  }
}

function readPath(value: string): string {
  return parseStorePath(value).path
}

/** Nix ignores needless slashes and steps. */
function readStorePath(value: string): string {
  return readPath(value.startsWith('/') ? posix.normalize(value).replace(/\/$/, '') : value)
}

function readBase(value: string): string {
  return parseStorePath(`${STORE_DIR}/${value}`).path
}

/** A set, separated by any number of spaces. Sorted, so that two of them can be compared. */
function readReferences(value: string): readonly string[] {
  const references = new Set(value.split(' ').filter(Boolean).map(readBase))
  if (references.size > REFERENCE_LIMIT) throw malformed(`more than ${REFERENCE_LIMIT}`, value)
  return [...references].sort()
}

function readDeriver(value: string): string {
  const path = parseStorePath(`${STORE_DIR}/${value}`)
  if (!isDerivationPath(path)) throw malformed('no derivation', value)
  return path.path
}

function readUrl(value: string): string {
  if (value === '' || value.length > URL_LENGTH) throw malformed('no URL', value)
  return value.replace(
    /[^!-~]/g,
    byte => `%${byte.charCodeAt(0).toString(16).padStart(2, '0').toUpperCase()}`,
  )
}

function readWord(value: string): string {
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(value)) throw malformed('no plain word', value)
  return value
}

function readSha256(value: string): string {
  const { algorithm, hash } = parseAnyNixHash(value)
  if (algorithm !== 'sha256') throw malformed('not SHA-256', value)
  return hash
}

/** As Nix does, with a plus and zeros in front where they are. */
function readSize(value: string): number {
  const size = /^\+?[0-9]{1,40}$/.test(value) ? Number(value) : Number.NaN
  if (!Number.isSafeInteger(size)) throw malformed('no size in bytes', value)
  return size
}

function readNarSize(value: string): number {
  const size = readSize(value)
  if (size === 0) throw malformed('no NAR is empty', value)
  return size
}

/** Whether a narinfo may hold this as a signature, of whatever form: visible ASCII. */
export function isSignatureText(value: string): boolean {
  return value.length <= SIGNATURE_LENGTH && /^[!-~]+$/.test(value)
}

/** Nix takes one, and blank ones beside it. */
function readContentAddress(fields: readonly Field[]): ContentAddress | undefined {
  const stated = fields.filter(({ name, value }) => name === 'CA' && value !== '')
  const read = (value: string) => {
    const [, method = '', hash = ''] = /^(.*:)?([^:]+:[^:]+)$/.exec(value) ?? []
    return parseContentAddress(hash === '' ? value : method + printNixHash(parseAnyNixHash(hash)))
  }
  const [address, ...others] = stated.map(field => inField(field, read))
  if (address === undefined) return undefined
  const text = printContentAddress(address)
  if (others.every(other => printContentAddress(other) === text)) return address
  throw malformed('two different CA', text)
}

/** The value as `read` reads it; undefined if it is absent or cannot be read. */
function passingOver<T>(value: string | undefined, read: (value: string) => T): T | undefined {
  if (value === undefined) return undefined
  try {
    return read(value)
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}

function printSha256(hash: string): string {
  return printNixHash({ algorithm: 'sha256', hash })
}

function printBase(path: string): string {
  return baseName(parseStorePath(path))
}

function printLine(name: string, value: string): string {
  if (/^[ -~]*$/.test(value)) return `${name}: ${value}\n`
  throw malformed(`${name} is not visible ASCII`, value)
}

function malformed(problem: string, value: string): FormatError {
  return new FormatError('narinfo', problem, `"${printable(value, 100)}"`)
}
