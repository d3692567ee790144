/**
 * Lists of checksums as sha256sum and its like write them (GNU coreutils manual, "cksum output modes"): `<hex>  <name>`,
 * or BSD's `SHA256 (<name>) = <hex>`. Empty lines and lines that begin with `#` say nothing.
 */
import { FormatError } from '../primitives/format-error.ts'
import { printable } from '../primitives/printable.ts'
import { decodeUtf8 } from './json/strict.ts'

/** Bytes and lines of a list. */
export const CHECKSUM_LIST_LIMIT = 4 * 1024 * 1024
const LINE_LIMIT = 100_000

export type ChecksumAlgorithm = 'sha256' | 'sha384' | 'sha512'

export interface Checksum {
  /** `other` is what proves nothing here: it is weaker than SHA-256, or not known. */
  readonly algorithm: ChecksumAlgorithm | 'other'
  /** Lower-case hex. */
  readonly hash: string
  /** The last component of the path in the list; those before it are whoever's directories. */
  readonly name: string
}

interface Line extends Checksum {
  readonly path: string
}

/**
 * Reads a list. Throws FormatError with the line for text that is none of the above, a checksum without a name, and a path
 * that has two checksums by one algorithm: which of them is meant? The same name in several directories may have several.
 */
export function parseChecksumList(bytes: Uint8Array): readonly Checksum[] {
  if (bytes.length > CHECKSUM_LIST_LIMIT) throw malformed(`larger than ${CHECKSUM_LIST_LIMIT} bytes`, 1)
  const lines = decodeUtf8(bytes, FORMAT).split(/\r?\n/)
  if (lines.length > LINE_LIMIT) throw malformed(`more than ${LINE_LIMIT} lines`, LINE_LIMIT)
  const found = new Map<string, Line>()
  for (const [index, line] of lines.entries()) {
    if (line === '' || line.startsWith('#')) continue
    const checksum = readLine(line, index + 1)
    const what = `${checksum.algorithm} ${checksum.path}`
    const known = found.get(what)
    if (known !== undefined && known.hash !== checksum.hash && known.algorithm !== 'other') {
      throw malformed(`another checksum of ${printable(checksum.path, 100)}`, index + 1)
    }
    found.set(what, checksum)
  }
  if (found.size === 0) throw malformed('no checksum', lines.length)
  return [...found.values()].map(({ algorithm, hash, name }) => ({ algorithm, hash, name }))
}

const FORMAT = 'list of checksums'

/** Algorithms by the digits of their hashes. */
const BY_DIGITS: Readonly<Record<number, Checksum['algorithm']>> = {
  32: 'other',
  40: 'other',
  56: 'other',
  64: 'sha256',
  96: 'sha384',
  128: 'sha512',
}

/** Algorithms by the names that BSD's tools and openssl give them. */
const BY_NAME: Readonly<Record<string, ChecksumAlgorithm>> = {
  SHA256: 'sha256',
  SHA384: 'sha384',
  SHA512: 'sha512',
  'SHA2-256': 'sha256',
  'SHA2-384': 'sha384',
  'SHA2-512': 'sha512',
}

function readLine(line: string, number: number): Line {
  const [, escaped, digits, name] = /^(\\?)([0-9A-Fa-f]+) [ *](.+)$/.exec(line) ?? []
  if (digits !== undefined && name !== undefined) {
    const algorithm = BY_DIGITS[digits.length]
    if (algorithm === undefined) throw malformed(`a checksum of ${digits.length} digits`, number)
    return checksum(algorithm, digits, escaped ? unescaped(name, number) : name)
  }
  const [, backslash, word = '', tagged, hex = ''] =
    /^(\\?)([A-Za-z0-9/-]+) ?\((.+)\) ?= ?([0-9A-Fa-f]+)$/.exec(line) ?? []
  if (tagged !== undefined) {
    const algorithm = BY_NAME[word.toUpperCase()] ?? 'other'
    if (algorithm !== 'other' && BY_DIGITS[hex.length] !== algorithm)
      throw malformed(`not the digits of ${word}`, number)
    return checksum(algorithm, hex, backslash ? unescaped(tagged, number) : tagged)
  }
  if (/^[0-9A-Fa-f]{32,}$/.test(line)) throw malformed('a checksum without the name of a file', number)
  throw malformed('not a checksum', number)
}

function checksum(algorithm: Checksum['algorithm'], hash: string, given: string): Line {
  const path = given.replace(/^(?:\.\/)+/, '')
  return { algorithm, hash: hash.toLowerCase(), path, name: path.slice(path.lastIndexOf('/') + 1) }
}

/** A backslash before the checksum says that the name has some of these. */
function unescaped(name: string, number: number): string {
  return name.replace(/\\(.?)/g, (_, character: string) => {
    const meant = { '\\': '\\', n: '\n', r: '\r' }[character]
    if (meant === undefined) throw malformed('an escape that there is not', number)
    return meant
  })
}

function malformed(problem: string, line: number): FormatError {
  return new FormatError(FORMAT, problem, `line ${line}`)
}
