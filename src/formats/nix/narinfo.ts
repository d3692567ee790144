/**
 * What a binary cache says about a store path: lines of `Name: value` (Nix's source,
 * src/libstore/nar-info.cc). Nix skips unknown fields and takes the last of repeated ones. Here
 * both are errors, because the narinfo is read in order to be trusted.
 */
import { FormatError } from '../../primitives/format-error.ts'
import { printable } from '../../primitives/printable.ts'
import { type ContentAddress, parseContentAddress, printContentAddress } from './content-address.ts'
import { fixedOutputPath } from './make-store-path.ts'
import { inField, optional, readFields, required } from './narinfo-fields.ts'
import { isHexHash, parseNixHash, printNixHash } from './nix-hash.ts'
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
  /** The URL of the compressed NAR: relative to the cache's root, or absolute. */
  readonly url: string
  /** `xz`, `zstd`, `none` …; if absent, `bzip2`. */
  readonly compression: string | undefined
  /** The hash and size of the compressed file at the URL. */
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
 * Parses a narinfo. Every line ends in a newline; every field but `Sig` occurs at most once, in any
 * order. Throws FormatError with the line number.
 */
export function parseNarinfo(text: string): Narinfo {
  if (text.length > NARINFO_LIMIT) {
    throw new FormatError('narinfo', `longer than ${NARINFO_LIMIT} characters`, `length ${text.length}`)
  }
  const fields = readFields(text)
  return {
    path: required(fields, 'StorePath', readPath),
    url: required(fields, 'URL', readUrl),
    compression: optional(fields, 'Compression', readWord),
    fileHash: optional(fields, 'FileHash', readSha256),
    fileSize: optional(fields, 'FileSize', readSize),
    narHash: required(fields, 'NarHash', readSha256),
    narSize: required(fields, 'NarSize', readNarSize),
    references: required(fields, 'References', readReferences),
    deriver: optional(fields, 'Deriver', readDeriver),
    system: optional(fields, 'System', readWord),
    signatures: fields.flatMap(field => (field.name === 'Sig' ? [inField(field, readSignature)] : [])),
    contentAddress: optional(fields, 'CA', parseContentAddress),
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

function readBase(value: string): string {
  return parseStorePath(`${STORE_DIR}/${value}`).path
}

function readReferences(value: string): readonly string[] {
  const references = value === '' ? [] : value.split(' ').map(readBase)
  if (references.length > REFERENCE_LIMIT) throw malformed(`more than ${REFERENCE_LIMIT}`, value)
  if (new Set(references).size < references.length) throw malformed('one is repeated', value)
  return references
}

function readDeriver(value: string): string | undefined {
  if (value === 'unknown-deriver') return undefined
  const path = parseStorePath(`${STORE_DIR}/${value}`)
  if (!isDerivationPath(path)) throw malformed('no derivation', value)
  return path.path
}

function readUrl(value: string): string {
  if (!/^[!-~]+$/.test(value) || value.length > URL_LENGTH) throw malformed('no URL', value)
  return value
}

function readWord(value: string): string {
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(value)) throw malformed('no plain word', value)
  return value
}

function readSha256(value: string): string {
  const { algorithm, hash } = parseNixHash(value)
  if (algorithm !== 'sha256') throw malformed('not SHA-256', value)
  return hash
}

function readSize(value: string): number {
  const size = /^(0|[1-9][0-9]{0,15})$/.test(value) ? Number(value) : Number.NaN
  if (!Number.isSafeInteger(size)) throw malformed('no size in bytes', value)
  return size
}

function readNarSize(value: string): number {
  const size = readSize(value)
  if (size === 0) throw malformed('no NAR is empty', value)
  return size
}

function readSignature(value: string): string {
  if (value.length <= SIGNATURE_LENGTH && /^[!-~]+$/.test(value)) return value
  throw malformed(`not 1 to ${SIGNATURE_LENGTH} visible characters`, value)
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
