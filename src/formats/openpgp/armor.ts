/**
 * ASCII armour of OpenPGP data (RFC 9580, section 6). Only the payload counts; headers such as
 * `Comment` are not signed.
 */
import { fromBase64 } from '../../primitives/base64.ts'
import { FormatError } from '../../primitives/format-error.ts'

const HEADER_LIMIT = 32
const LINE_LIMIT = 1000

interface Block {
  readonly label: string
  readonly bytes: Uint8Array
}

interface Armour {
  readonly blocks: readonly Block[]
  /** The lines before, between and after the blocks that are not blank, numbered from 1. */
  readonly text: readonly { readonly line: string; readonly number: number }[]
}

/**
 * Whether data may be armoured. The first byte of a binary OpenPGP packet has its high bit set, so
 * it is not.
 */
export function isText(bytes: Uint8Array): boolean {
  return ((bytes[0] ?? 0) & 0x80) === 0
}

/**
 * The packets of armoured detached signatures: all blocks one after another, since several signers
 * may each add one to a file. Only white space may stand around the blocks, because at other text
 * one reader stops and the next goes on. Throws FormatError.
 */
export function dearmorSignatures(bytes: Uint8Array): Uint8Array {
  const { blocks, text } = readArmour(bytes)
  if (blocks.length === 0) throw malformed('no armoured block', 1)
  if (text.length > 0) throw malformed('text outside the armoured blocks', 1)
  for (const { label } of blocks) {
    // `gpg --enarmor` writes the second label for a binary signature. Some distributions store
    // signatures like that.
    if (label !== 'PGP SIGNATURE' && label !== 'PGP ARMORED FILE')
      throw malformed('no block of signatures', 1)
  }
  return Buffer.concat(blocks.map(block => block.bytes))
}

/**
 * The packets of armoured certificates: all blocks one after another. Other text is skipped, since
 * key files on the web have some. Which certificate counts is decided by fingerprint. Throws
 * FormatError, also if another reader could take anything outside the blocks for a certificate:
 * packets, or a quoted or indented block.
 */
export function dearmorCertificates(bytes: Uint8Array): Uint8Array {
  const { blocks, text } = readArmour(bytes)
  if (blocks.length === 0) throw malformed('no armoured block', 1)
  for (const { line, number } of text) {
    if (isNoText(line)) throw malformed('outside the armoured blocks something that is not text', number)
    if (looksLikeBlock(line)) throw malformed('an armoured block that does not begin its line', number)
  }
  for (const { label } of blocks) {
    if (label !== 'PGP PUBLIC KEY BLOCK' && label !== 'PGP ARMORED FILE') {
      throw malformed('no block of public keys', 1)
    }
  }
  return Buffer.concat(blocks.map(block => block.bytes))
}

function readArmour(bytes: Uint8Array): Armour {
  const whole = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
  const lines = whole.split('\n').map(line => line.trimEnd())
  const blocks: Block[] = []
  const text: { line: string; number: number }[] = []
  let index = 0
  while (index < lines.length) {
    const line = lines[index] ?? ''
    const [, label] = /^-----BEGIN ([A-Z ]{1,40})-----$/.exec(line) ?? []
    if (label === undefined) {
      if (line !== '') text.push({ line, number: index + 1 })
      index++
      continue
    }
    let end = index + 1
    while (end < lines.length && lines[end]?.startsWith('-----') === false) end++
    if (end === lines.length) throw malformed('the block has no end', index + 1)
    assertFooter(lines[end] ?? '', label, end)
    blocks.push({ label, bytes: readBlock(lines.slice(index + 1, end), index + 1) })
    index = end + 1
  }
  return { blocks, text }
}

/**
 * Whether a line contains a byte that no text encoding has. Every packet that matters contains one,
 * such as its version.
 */
function isNoText(line: string): boolean {
  return /[\x00-\x08\x0e-\x1f\x7f]/.test(line)
}

/**
 * Whether a line could begin a block. GnuPG puts a colon before the armour of a revocation that is
 * stored for later; no reader takes that for a block.
 */
function looksLikeBlock(line: string): boolean {
  return /-----\s*BEGIN PGP/.test(line) && !line.startsWith(':-----BEGIN PGP')
}

/**
 * Throws FormatError for a wrong footer. Files that were armoured again and relabelled as `PGP
 * ARMORED FILE` only at the top exist.
 */
function assertFooter(footer: string, label: string, index: number): void {
  if (footer === `-----END ${label}-----` || footer === '-----END PGP ARMORED FILE-----') return
  throw malformed('the block does not end as it began', index + 1)
}

function readBlock(lines: readonly string[], first: number): Uint8Array {
  const blank = lines.indexOf('')
  if (blank < 0) throw malformed('no empty line after the headers', first + 1)
  if (blank > HEADER_LIMIT) throw malformed(`more than ${HEADER_LIMIT} headers`, first + 1)
  for (const [index, header] of lines.slice(0, blank).entries()) {
    if (!/^[A-Za-z][A-Za-z0-9-]*:( |$)/.test(header) || header.length > LINE_LIMIT) {
      throw malformed('not a header', first + 1 + index)
    }
  }
  const body = lines.slice(blank + 1)
  while (body.at(-1) === '') body.pop()
  const checksum = /^=[A-Za-z0-9+/]{4}$/.test(body.at(-1) ?? '') ? body.pop() : undefined
  const bytes = fromBase64(body.join(''))
  if (bytes.length === 0) throw malformed('the block is empty', first)
  if (checksum === undefined) return bytes
  const [high = 0, middle = 0, low = 0] = fromBase64(checksum.slice(1))
  if (crc24(bytes) !== ((high << 16) | (middle << 8) | low)) throw malformed('the checksum differs', first)
  return bytes
}

/** RFC 9580, section 6.1.1. */
function crc24(bytes: Uint8Array): number {
  let crc = 0xb704ce
  for (const byte of bytes) {
    crc ^= byte << 16
    for (let bit = 0; bit < 8; bit++) {
      crc <<= 1
      if ((crc & 0x1000000) !== 0) crc ^= 0x1864cfb
    }
  }
  return crc & 0xffffff
}

function malformed(problem: string, line: number): FormatError {
  return new FormatError('OpenPGP armour', problem, `line ${line}`)
}
