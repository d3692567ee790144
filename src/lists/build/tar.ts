/**
 * Reads tar archives in memory: POSIX ustar with GNU's and pax's long names. Nothing is unpacked,
 * so no name and no link in an archive can lead anywhere.
 */
import { FormatError } from '../../primitives/format-error.ts'

const BLOCK = 512
const ENTRY_LIMIT = 100_000
const NAME_LIMIT = 4096

/** A regular file of an archive: its name as it is written there, without `./` in front. */
export interface TarFile {
  readonly name: string
  readonly contents: Uint8Array
}

/**
 * The regular files of an archive whose names are wanted, in order; links, directories and devices
 * are passed over. Throws FormatError if the archive is malformed or cut off, if it has more than
 * 100,000 entries, or if a wanted name comes twice or is also a link: two readers could see two
 * contents.
 */
export function readTar(archive: Uint8Array, isWanted: (name: string) => boolean): readonly TarFile[] {
  const found = new Map<string, TarFile>()
  const seen = new Set<string>()
  let long: string | undefined
  let entries = 0
  for (let offset = 0; offset + BLOCK <= archive.length; ) {
    const header = archive.subarray(offset, offset + BLOCK)
    if (header.every(byte => byte === 0)) return [...found.values()]
    if (++entries > ENTRY_LIMIT) throw malformed(`more than ${ENTRY_LIMIT} entries`, offset)
    assertChecksum(header, offset)
    const size = octal(header.subarray(124, 136), offset)
    const start = offset + BLOCK
    if (start + size > archive.length) throw malformed('the archive breaks off', offset)
    const contents = archive.subarray(start, start + size)
    const type = String.fromCharCode(header[156] ?? 0)
    offset = start + Math.ceil(size / BLOCK) * BLOCK
    if (type === 'L') long = text(within(contents, NAME_LIMIT, offset))
    else if (type === 'x') long = paxPath(within(contents, 64 * 1024, offset), offset) ?? long
    else if (type !== 'K' && type !== 'g') {
      const name = (long ?? nameOf(header)).replace(/^(?:\.\/)+/, '')
      long = undefined
      if (!isWanted(name)) continue
      if (seen.has(name)) throw malformed('the same file twice', start)
      seen.add(name)
      if (type === '0' || type === '\0') found.set(name, { name, contents })
    }
  }
  return [...found.values()]
}

function nameOf(header: Uint8Array): string {
  const isUstar = text(header.subarray(257, 262)) === 'ustar'
  // GNU's own format has times where POSIX has the prefix.
  const isPosix = isUstar && header[262] === 0
  const prefix = isPosix ? text(header.subarray(345, 500)) : ''
  const name = text(header.subarray(0, 100))
  return prefix === '' ? name : `${prefix}/${name}`
}

/** A text that ends at the first zero byte. */
function text(field: Uint8Array): string {
  const end = field.indexOf(0)
  return Buffer.from(end < 0 ? field : field.subarray(0, end)).toString('utf8')
}

function octal(field: Uint8Array, offset: number): number {
  const [, digits] = /^ *([0-7]{1,11})$/.exec(text(field).trimEnd()) ?? []
  if (digits === undefined) throw malformed('a size that is not an octal number', offset)
  return Number.parseInt(digits, 8)
}

function assertChecksum(header: Uint8Array, offset: number): void {
  const stated = octal(header.subarray(148, 156), offset)
  const sum = header.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 0x20 : byte), 0)
  if (sum !== stated) throw malformed('a header whose checksum differs', offset)
}

/** `LENGTH path=VALUE`, among other records. A size of its own would be read in two ways. */
function paxPath(records: Uint8Array, offset: number): string | undefined {
  let path: string | undefined
  for (let at = 0; at < records.length; ) {
    const space = records.indexOf(0x20, at)
    const digits = Buffer.from(records.subarray(at, Math.max(at, space))).toString('latin1')
    const length = /^[1-9]\d{0,5}$/.test(digits) ? Number(digits) : 0
    const end = at + length
    if (space < 0 || end <= space || end > records.length || records[end - 1] !== 0x0a)
      throw malformed('a pax record whose length is wrong', offset)
    const record = Buffer.from(records.subarray(space + 1, end - 1)).toString('utf8')
    if (record.startsWith('size=')) throw malformed('a size in a pax record', offset)
    if (record.startsWith('path=')) path = record.slice('path='.length)
    at = end
  }
  return path
}

function within(contents: Uint8Array, limit: number, offset: number): Uint8Array {
  if (contents.length > limit) throw malformed(`a name of more than ${limit} bytes`, offset)
  return contents
}

function malformed(problem: string, offset: number): FormatError {
  return new FormatError('tar', problem, `offset ${offset}`)
}
