/**
 * Lists of checksums as sha256sum and its like write them (GNU coreutils manual, "cksum output modes"): `<hex>
 * <name>`, or BSD's `SHA256 (<name>) = <hex>`; and Gentoo's, see gentoo-manifest.ts. Empty lines and those that begin
 * with `#` say nothing, but for Gentoo's `# SHA512 HASH`, which says what the lines below it are by.
 */
import { FormatError } from '../primitives/format-error.ts'
import { printable } from '../primitives/printable.ts'
import { BY_DIGITS, type ChecksumAlgorithm, DIGITS, namedAlgorithm } from './checksum-algorithms.ts'
import { readManifestLine } from './gentoo-manifest.ts'
import { decodeUtf8 } from './json/strict.ts'

export type { ChecksumAlgorithm } from './checksum-algorithms.ts'

/** Bytes and lines of a list. */
export const CHECKSUM_LIST_LIMIT = 4 * 1024 * 1024
const LINE_LIMIT = 100_000

export interface Checksum {
  /**
   * What it is by, or by the number of its digits most likely is. `other` is what proves nothing here: it is weaker
   * than SHA-256, or not known.
   */
  readonly algorithm: ChecksumAlgorithm | 'other'
  /** What else may have made it, where the list does not say what did. */
  readonly perhaps?: readonly ChecksumAlgorithm[]
  /** Lower-case hex. */
  readonly hash: string
  /** The last component of the path in the list; those before it are whoever's directories. */
  readonly name: string
}

interface Line extends Checksum {
  readonly path: string
}

/** What earlier lines say of the next. */
interface Context {
  readonly number: number
  /** What the last heading says, upper case. */
  readonly heading: string | undefined
}

/**
 * Reads a list. Throws FormatError with the line for text that is none of the above, a checksum without a name, and a
 * path that has two checksums by one algorithm: which of them is meant? The same name in several directories may have
 * several.
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

/** Digits and name; one white space may stand for two characters, as `sha256sum -c` takes it. */
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
 * sha256sum takes the first line for the form of all: of `<hex>  x` below `<hex> y` it reads the name ` x`, and a line
 * with one white space below one with two it passes over.
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
