/**
 * Whether a signature or a list of checksums is nothing else besides. Whoever writes a derivation chooses these
 * files, and nobody's key has to verify them: so no part in which their formats let anything stand may hold what an
 * interpreter would run. Formats' own parts are their parsers' business.
 */
import { FormatError } from '../primitives/format-error.ts'
import { decodeUtf8 } from './json/strict.ts'
import { isText } from './openpgp/armor.ts'

/**
 * Letters, figures, and marks that mean nothing to a shell, to m4, to make and their like: no quotes, no `$`, no `;`.
 */
const HARMLESS = String.raw`\p{L}\p{M}\p{N} \t._+:,=/@%~?*#-`
const LINE = new RegExp(`^[${HARMLESS}]*$`, 'u')

/**
 * A remark in parentheses, as in `GnuPG v2 (GNU/Linux)`, and the file that BSD's lists name. Not empty, and not after a
 * word, or it would define or call a function.
 */
const REMARK = new RegExp(
  String.raw`(?:(?<=[ \t])|^(?:MD5|RMD160|SHA\d{1,3}(?:-\d{3})?))\((?=[^\s)])[${HARMLESS}]+\)`,
  'gu',
)

/** What bundles have besides, which are JSON, and the dash before a name in a log's checkpoint. */
const JSON_MARKS = /[{}[\]"—]|\\n|\\u2014|(?<=\+json);(?=version=)/gu

/** Base 64 in lines of their own, the last of which may be a checksum. */
const BASE64_LINE = /^[A-Za-z0-9+/]+={0,2}$/
const LINE_OF_BASE64 = 40

/** Printable bytes in a row in a binary file that are taken for a text, and what such a text may be. */
const TEXT_IN_BINARY = /[\t\n\r\x20-\x7e]{16,}/g
const NAME_OR_ADDRESS = /^[A-Za-z0-9 ._+:,=/@%~?<>()-]*$/

/**
 * Throws FormatError for a text with characters that could make it a program, and for a binary file with such a text
 * in it.
 */
export function assertInert(bytes: Uint8Array): void {
  if (isText(bytes)) assertHarmlessText(bytes)
  else assertNoProgramIn(bytes)
}

function assertHarmlessText(bytes: Uint8Array): void {
  const lines = decodeUtf8(bytes, FORMAT).split('\n')
  const isJson = lines[0]?.trimStart().startsWith('{') === true
  for (const [index, line] of lines.entries()) {
    const text = line.replace(/\r$/, '').replace(REMARK, ' ')
    const plain = isJson ? text.replace(JSON_MARKS, ' ') : text
    if (!LINE.test(plain)) throw unfit('characters that could make it a program', index + 1)
    if (isShortInBase64(lines, index)) throw unfit('base 64 in lines of a few characters', index + 1)
  }
}

function assertNoProgramIn(bytes: Uint8Array): void {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
  for (const { 0: found, index } of text.matchAll(TEXT_IN_BINARY)) {
    if (NAME_OR_ADDRESS.test(found)) continue
    throw new FormatError(FORMAT, 'a text in it that could be a program', `offset ${index}`)
  }
}

/** A line before others of base 64 is as long as tools make them: words of one's choice are not. */
function isShortInBase64(lines: readonly string[], index: number): boolean {
  const [line = '', next = ''] = lines.slice(index, index + 2).map(each => each.trimEnd())
  return BASE64_LINE.test(line) && BASE64_LINE.test(next) && line.length < LINE_OF_BASE64
}

const FORMAT = 'signature file'

function unfit(problem: string, line: number): FormatError {
  return new FormatError(FORMAT, problem, `line ${line}`)
}
