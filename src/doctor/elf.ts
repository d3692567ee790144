/**
 * Whether a program or shared library exports a function to whatever is loaded beside it (System V
 * ABI, "Dynamic Linking", the section of type SHT_DYNSYM). Reads 64-bit little-endian files only,
 * which all machines that nixsig supports use.
 */
import { FormatError } from '../primitives/format-error.ts'

const DYNAMIC_SYMBOLS = 11
const SECTION_BYTES = 64
const SYMBOL_BYTES = 24
/** The section index of symbols that are imported, not exported. */
const UNDEFINED = 0

interface Section {
  readonly type: number
  readonly link: number
  readonly offset: number
  readonly size: number
}

/** Whether a file exports a symbol. Throws FormatError if it is not such an ELF file. */
export function offersSymbol(bytes: Buffer, symbol: string): boolean {
  const sections = readSections(bytes)
  const wanted = Buffer.from(`${symbol}\0`, 'latin1')
  return sections.some(table => {
    if (table.type !== DYNAMIC_SYMBOLS) return false
    const names = contentsOf(bytes, sections[table.link])
    const symbols = contentsOf(bytes, table)
    for (let at = 0; at + SYMBOL_BYTES <= symbols.length; at += SYMBOL_BYTES) {
      const name = symbols.readUInt32LE(at)
      if (symbols.readUInt16LE(at + 6) === UNDEFINED) continue
      if (names.subarray(name, name + wanted.length).equals(wanted)) return true
    }
    return false
  })
}

function readSections(bytes: Buffer): readonly Section[] {
  const isElf = bytes.length >= SECTION_BYTES && bytes.readUInt32BE(0) === 0x7f454c46
  if (!isElf || bytes[4] !== 2 || bytes[5] !== 1) throw malformed('not a 64-bit little-endian file', 0)
  const start = Number(bytes.readBigUInt64LE(0x28))
  const count = bytes.readUInt16LE(0x3c)
  if (bytes.readUInt16LE(0x3a) !== SECTION_BYTES || start + count * SECTION_BYTES > bytes.length) {
    throw malformed('no table of sections', start)
  }
  return Array.from({ length: count }, (_, index) => {
    const at = start + index * SECTION_BYTES
    return {
      type: bytes.readUInt32LE(at + 4),
      offset: Number(bytes.readBigUInt64LE(at + 0x18)),
      size: Number(bytes.readBigUInt64LE(at + 0x20)),
      link: bytes.readUInt32LE(at + 0x28),
    }
  })
}

function contentsOf(bytes: Buffer, section: Section | undefined): Buffer {
  if (section === undefined || section.offset + section.size > bytes.length)
    throw malformed('a section breaks off', 0)
  return bytes.subarray(section.offset, section.offset + section.size)
}

function malformed(problem: string, offset: number): FormatError {
  return new FormatError('ELF', problem, `offset ${offset}`)
}
