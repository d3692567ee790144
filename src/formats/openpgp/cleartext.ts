/**
 * OpenPGP's cleartext signatures (RFC 9580, section 7): a readable text with a signature over it.
 * Stricter than the specification where two readers could see two texts: the whole file is one
 * message with nothing around it, and `Hash` is the only header.
 */
import { FormatError } from '../../primitives/format-error.ts'
import { decodeUtf8 } from '../json/strict.ts'
import { parseDetachedSignatures } from './signature.ts'

const BEGIN = '-----BEGIN PGP SIGNED MESSAGE-----'
const SIGNATURE = '-----BEGIN PGP SIGNATURE-----'
const SIZE_LIMIT = 4 * 1024 * 1024
const HEADER_LIMIT = 16

/**
 * The names in RFC 9580, section 9.5. Any other word in the header would be text that looks signed.
 */
const HASH = '(?:MD5|SHA1|RIPEMD160|SHA256|SHA384|SHA512|SHA224|SHA3-256|SHA3-512)'
const HASHES = new RegExp(`^Hash: ${HASH}(?:, ?${HASH})*$`)

/** A parsed cleartext message. */
export interface Cleartext {
  /**
   * The signed text: unescaped, without white space at the ends of its lines, each of which ends in
   * a newline.
   */
  readonly text: string
  /** The signed bytes: the text with CRLF line ends, and none after the last line. */
  readonly signed: Uint8Array
  /** The armoured signatures over the text, in one or several blocks. */
  readonly signature: Uint8Array
}

/** Whether a file begins as a cleartext message does. */
export function looksLikeCleartext(file: Uint8Array): boolean {
  return (
    Buffer.from(file.buffer, file.byteOffset, file.byteLength).toString('latin1', 0, BEGIN.length) === BEGIN
  )
}

/** Parses a signed text. Nothing in it is verified. Throws FormatError. */
export function parseCleartext(file: Uint8Array): Cleartext {
  if (file.length > SIZE_LIMIT) throw malformed(`larger than ${SIZE_LIMIT} bytes`, 1)
  const whole = decodeUtf8(file, 'signed text')
  const lines = whole.split('\n').map(trimmedEnd)
  if (lines[0] !== BEGIN) throw malformed('does not begin as one', 1)
  const blank = lines.indexOf('')
  if (blank < 0 || blank > HEADER_LIMIT) throw malformed('no empty line after the headers', 2)
  for (const [index, header] of lines.slice(1, blank).entries()) {
    if (!HASHES.test(header)) throw malformed('a header other than Hash with names of hashes', index + 2)
  }
  const end = lines.indexOf(SIGNATURE)
  if (end < blank) throw malformed('no signature', lines.length)
  const text = lines.slice(blank + 1, end).map((line, index) => unescaped(line, blank + 2 + index))
  const signature = Buffer.from(lines.slice(end).join('\n'), 'utf8')
  parseDetachedSignatures(signature)
  return {
    text: text.map(line => `${line}\n`).join(''),
    signed: Buffer.from(text.join('\r\n'), 'utf8'),
    signature,
  }
}

/**
 * Removes white space at the end of a line. A regular expression would take quadratic time on white
 * space elsewhere.
 */
function trimmedEnd(line: string): string {
  let end = line.length
  while (end > 0 && ' \t\r'.includes(line.charAt(end - 1))) end--
  return line.slice(0, end)
}

function unescaped(line: string, number: number): string {
  // A character that moves the cursor could hide signed text from a reader.
  if (/[^\P{Cc}\t]/u.test(line)) throw malformed('a control character', number)
  if (!line.startsWith('-')) return line
  if (!line.startsWith('- ')) throw malformed('a dash that is not escaped', number)
  return line.slice(2)
}

function malformed(problem: string, line: number): FormatError {
  return new FormatError('signed text', problem, `line ${line}`)
}
