/**
 * Checksum lists as sha256sum and similar tools write them (GNU coreutils manual, "cksum output
 * modes"): `<hex>  <name>`, or the BSD form `SHA256 (<name>) = <hex>`; and Gentoo's, see
 * gentoo-manifest.ts. Empty lines and lines that begin with `#` are ignored, except Gentoo's `#
 * SHA512 HASH`, which names the algorithm of the lines below it.
 */
import { FormatError } from '../primitives/format-error.ts'
import { printable } from '../primitives/printable.ts'
import { BY_DIGITS, type ChecksumAlgorithm, DIGITS, namedAlgorithm } from './checksum-algorithms.ts'
import { readManifestLine } from './gentoo-manifest.ts'
import { decodeUtf8 } from './json/strict.ts'

export type { ChecksumAlgorithm } from './checksum-algorithms.ts'

/** Limits on the bytes and lines of a list. */
export const CHECKSUM_LIST_LIMIT = 4 * 1024 * 1024
const LINE_LIMIT = 100_000

/** One checksum of a list. */
export interface Checksum {
  /**
   * The algorithm that the list states, or else the most likely one for this number of digits.
   * `other` proves nothing here: it is weaker than SHA-256, or unknown.
   */
  readonly algorithm: ChecksumAlgorithm | 'other'
  /** The other algorithms that it may be of, where the list does not state one. */
  readonly perhaps?: readonly ChecksumAlgorithm[]
  /** Lower-case hex. */
  readonly hash: string
  /** The last component of the path in the list. The directories before it are ignored. */
  readonly name: string
}

interface Line extends Checksum {
  readonly path: string
}

/** What earlier lines of the list say about the next one. */
interface Context {
  readonly number: number
  /** The algorithm in the last heading, upper case. */
  readonly heading: string | undefined
}

/**
 * Reads a list. Throws FormatError with the line number for a line of any other form, for a
 * checksum without a name, and for a path with two different checksums of one algorithm, which
 * would be ambiguous. The same name in several directories may have several checksums.
 */
export function parseChecksumList(bytes: Uint8Array): readonly Checksum[] {
  if (bytes.length > CHECKSUM_LIST_LIMIT) throw malformed(`larger than ${CHECKSUM_LIST_LIMIT} bytes`, 1)
  const lines = decodeUtf8(bytes, FORMAT).split(/\r?\n/)
  if (lines.length > LINE_LIMIT) throw malformed(`more than ${LINE_LIMIT} lines`, LINE_LIMIT)
  const found = new Map<string, Line>()
  let heading: string | undefined
  for (const [index, text] of lines.entries()) {
    if (text === '') continue
    if (text.startsWith('#')) {
      heading = HEADING.exec(text)?.[1]?.toUpperCase() ?? heading
      continue
    }
    for (const line of readLines(text, { number: index + 1, heading })) add(found, line, index + 1)
  }
  checkSeparators(lines)
  if (found.size === 0) throw malformed('no checksum', lines.length)
  return [...found.values()].map(({ path, ...checksum }) => checksum)
}

const FORMAT = 'list of checksums'
const HEADING = /^# ?([A-Za-z0-9_-]+) HASH$/

/**
 * Digits and a name. A single white space may stand in place of two characters, as `sha256sum -c`
 * allows.
 */
const PLAIN = /^[ \t]*(\\?)([0-9A-Fa-f]+)([ \t](?:[ *]|(?![ *])))(.+)$/

function add(found: Map<string, Line>, line: Line, number: number): void {
  const what = `${line.algorithm} ${line.path}`
  const known = found.get(what)
  if (known !== undefined && known.hash !== line.hash && known.algorithm !== 'other') {
    throw malformed(`another checksum of ${printable(line.path, 100)}`, number)
  }
  found.set(what, line)
}

function readLines(text: string, context: Context): readonly Line[] {
  const entries = readManifestLine(text)
  if (entries === undefined) return [readLine(text, context)]
  return entries.map(({ algorithm, hash, path }) => {
    const known = namedAlgorithm(algorithm)
    if (known !== 'other' && DIGITS[known] !== hash.length) {
      throw malformed(`not the digits of ${algorithm}`, context.number)
    }
    return checksum(known, hash, path)
  })
}

function readLine(line: string, { number, heading }: Context): Line {
  const [, escaped, digits, , name] = PLAIN.exec(line) ?? []
  if (digits !== undefined && name !== undefined) {
    const candidates = BY_DIGITS.get(digits.length)
    if (candidates === undefined) throw malformed(`a checksum of ${digits.length} digits`, number)
    const path = escaped ? unescaped(name, number) : name
    if (heading !== undefined) return checksum(ofHeading(heading, digits, number), digits, path)
    const [algorithm = 'other', ...perhaps] = candidates
    return { ...checksum(algorithm, digits, path), ...(perhaps.length > 0 && { perhaps }) }
  }
  const [, backslash, word = '', tagged, hex = ''] =
    /^(\\?)([A-Za-z0-9/-]+) ?\((.+)\) ?= ?([0-9A-Fa-f]+)$/.exec(line) ?? []
  if (tagged !== undefined) {
    const algorithm = namedAlgorithm(word)
    if (algorithm !== 'other' && DIGITS[algorithm] !== hex.length)
      throw malformed(`not the digits of ${word}`, number)
    return checksum(algorithm, hex, backslash ? unescaped(tagged, number) : tagged)
  }
  if (/^[0-9A-Fa-f]{32,}$/.test(line)) throw malformed('a checksum without the name of a file', number)
  throw malformed('not a checksum', number)
}

function ofHeading(heading: string, digits: string, number: number): Checksum['algorithm'] {
  const algorithm = namedAlgorithm(heading)
  if (algorithm === 'other' || DIGITS[algorithm] === digits.length) return algorithm
  throw malformed(`not the digits of ${heading}, which the lines above say it is by`, number)
}

/**
 * sha256sum assumes that all lines have the form of the first. Below `<hex> y` it reads the name of
 * `<hex>  x` as ` x`, and it skips a line with one white space below a line with two. Throws
 * FormatError for such a mix.
 */
function checkSeparators(lines: readonly string[]): void {
  const plain = lines.flatMap((line, index) => {
    const separator = line.startsWith('#') ? undefined : PLAIN.exec(line)?.[3]
    return separator === undefined ? [] : [{ size: separator.length, number: index + 1 }]
  })
  const other = plain.find(({ size }) => size !== plain[0]?.size)
  if (other !== undefined)
    throw malformed('one character between checksum and name, or two, but not both', other.number)
}

function checksum(algorithm: Checksum['algorithm'], hash: string, given: string): Line {
  const path = given.replace(/^(?:\.\/)+/, '')
  return { algorithm, hash: hash.toLowerCase(), path, name: path.slice(path.lastIndexOf('/') + 1) }
}

/** Undoes escapes in a name. A backslash before the checksum says that its name has some. */
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
