/**
 * Whether a signature or a list of checksums is nothing else besides. Whoever writes a derivation chooses these
 * files, and nobody's key has to verify them: so where their formats let anything stand, there is only what tools
 * write, or one word. That a file has the format at all is its parser's business.
 */
import { FormatError } from '../primitives/format-error.ts'
import { whyNoLineOf } from './inert/lines.ts'
import { decodeUtf8 } from './json/strict.ts'
import { isText } from './openpgp/armor.ts'

/** Base 64 in lines of their own, the last of which may be a checksum. */
const BASE64_LINE = /^[A-Za-z0-9+/]+={0,2}$/
const LINE_OF_BASE64 = 40

/** The beginnings of lines of a program. By chance two stand in one of 1,500 signatures of 4096 bits. */
const LINE_IN_BINARY = /\n[\t\x20-\x7e]{4,}/g

/** Printable bytes in a row in a binary file that are taken for a text, and what such a text may be. */
const TEXT_IN_BINARY = /[\t\n\r\x20-\x7e]{16,}/g
const NAME_OR_ADDRESS = /^[A-Za-z0-9 ._+:,=/@%~?<>()-]*$/

/** Throws FormatError for a text with a line that could be a program's, and for a binary file with such a text in it. */
export function assertInert(bytes: Uint8Array): void {
  if (isText(bytes)) assertNoProgram(decodeUtf8(bytes, FORMAT))
  else assertNoProgramIn(bytes)
}

function assertNoProgram(text: string): void {
  const whyNot = whyNoLineOf(text)
  const lines = text.split('\n').map((line, index) => ({ line: line.replace(/\r$/, ''), number: index + 1 }))
  const filled = lines.filter(({ line }) => line !== '')
  for (const [index, { line, number }] of filled.entries()) {
    const isShort = isShortInBase64(line, filled[index + 1]?.line)
    const problem = isShort ? 'base 64 in lines of a few characters' : whyNot(line)
    if (problem !== undefined) throw new FormatError(FORMAT, problem, `line ${number}`)
  }
}

function assertNoProgramIn(bytes: Uint8Array): void {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
  for (const { 0: found, index } of text.matchAll(TEXT_IN_BINARY)) {
    if (NAME_OR_ADDRESS.test(found)) continue
    throw new FormatError(FORMAT, 'a text in it that could be a program', `offset ${index}`)
  }
  const [, second] = text.matchAll(LINE_IN_BINARY)
  if (second !== undefined) {
    throw new FormatError(FORMAT, 'lines in it that could be a program', `offset ${second.index}`)
  }
}

/** A line before others of base 64 is as long as tools make them: words of one's choice are not. */
function isShortInBase64(line: string, next = ''): boolean {
  return BASE64_LINE.test(line) && BASE64_LINE.test(next) && line.length < LINE_OF_BASE64
}

const FORMAT = 'signature file'
