/**
 * Checks that a signature or a checksum list cannot serve as anything else, such as a program. The
 * author of a derivation chooses these files, and they need not verify with anybody's key. So where
 * a format allows free text, only the text that tools write is accepted, or a single word. Whether
 * the file has the format at all is checked by its parser.
 */
import { FormatError } from '../primitives/format-error.ts'
import { decodeUtf8 } from './json/strict.ts'
import { whyNoLineOf } from './not-a-program/lines.ts'
import { isText } from './openpgp/armor.ts'

/** A line of base64, or at the end of the armour a checksum. */
const BASE64_LINE = /^[A-Za-z0-9+/]+={0,2}$/
const LINE_OF_BASE64 = 40

/**
 * The beginning of a line of a program. Two of them occur by chance in one of 1,500 signatures of
 * 4096 bits.
 */
const LINE_IN_BINARY = /\n[\t\x20-\x7e]{4,}/g

/**
 * A run of printable bytes in a binary file that counts as text, and the texts that are allowed.
 */
const TEXT_IN_BINARY = /[\t\n\r\x20-\x7e]{16,}/g
const NAME_OR_ADDRESS = /^[A-Za-z0-9 ._+:,=/@%~?<>()-]*$/

/**
 * Throws FormatError if a line of a text file could be part of a program, or if a binary file
 * contains such text.
 */
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

/**
 * Tools break base64 into lines of equal length, so only the last line may be shorter. Words of
 * somebody's choice would not have that length.
 */
function isShortInBase64(line: string, next = ''): boolean {
  return BASE64_LINE.test(line) && BASE64_LINE.test(next) && line.length < LINE_OF_BASE64
}

const FORMAT = 'signature file'
