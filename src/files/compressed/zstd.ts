/**
 * Checks of Zstandard frames (RFC 8878, section 3). Refused although the format allows them:
 * skippable frames, which are not part of the contents; empty frames; and dictionaries, which are
 * stored elsewhere.
 */
import { FormatError } from '../../primitives/format-error.ts'
import { type Reader, wholly, windowed } from './reader.ts'

const FORMAT = 'zstd'
const MAGIC = 0xfd2fb528
const SKIPPABLE = 0x184d2a50
/** Blocks in one file. They hold 128 KiB each, unless the compressor was told to hurry. */
const BLOCK_LIMIT = 4_000_000

const BLOCK = { raw: 0, repeated: 1, compressed: 2 } as const

/** Checks that a file consists of non-empty frames and nothing else. Throws FormatError. */
export async function walkZstd(file: Reader): Promise<void> {
  const reader = windowed(file)
  let blocks = 0
  for (let at = 0; at < reader.size; ) {
    const frame = await headerAt(reader, at)
    let [place, isLast, isEmpty] = [at + frame.header, false, true]
    while (!isLast) {
      if (++blocks > BLOCK_LIMIT) throw malformed('too many blocks', place)
      const block = await blockAt(reader, place)
      isLast = block.isLast
      isEmpty &&= block.isEmpty
      place += block.length
    }
    if (isEmpty) throw malformed('an empty frame', at)
    if (frame.hasChecksum) place += (await wholly(reader, place, 4, FORMAT)).length
    at = place
  }
}

async function headerAt(reader: Reader, at: number) {
  const magic = (await wholly(reader, at, 4, FORMAT)).readUInt32LE()
  if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE) throw malformed('a skippable frame', at)
  if (magic !== MAGIC) throw malformed('data that is not a frame', at)
  const [descriptor = 0] = await wholly(reader, at + 4, 1, FORMAT)
  if ((descriptor & 0x03) !== 0) throw malformed('a frame with a dictionary', at)
  if ((descriptor & 0x18) !== 0) throw malformed('a frame with reserved bits', at)
  const isSingle = (descriptor & 0x20) !== 0
  const sizeFlag = descriptor >> 6
  const sizeBytes = sizeFlag === 0 ? (isSingle ? 1 : 0) : 1 << sizeFlag
  const header = 5 + (isSingle ? 0 : 1) + sizeBytes
  await wholly(reader, at, header, FORMAT)
  return { header, hasChecksum: (descriptor & 0x04) !== 0 }
}

async function blockAt(reader: Reader, at: number) {
  const header = (await wholly(reader, at, 3, FORMAT)).readUIntLE(0, 3)
  const [isLast, type, size] = [(header & 1) === 1, (header >> 1) & 3, header >> 3]
  const stored = type === BLOCK.repeated ? 1 : size
  if (type > BLOCK.compressed) throw malformed('a block of a reserved type', at)
  if (type === BLOCK.compressed && size < 3) throw malformed('an empty compressed block', at)
  if (at + 3 + stored > reader.size) throw malformed('it breaks off', at)
  const isEmpty = size === 0 || (type === BLOCK.compressed && (await isOfNothing(reader, at + 3)))
  return { isLast, isEmpty, length: 3 + stored }
}

/**
 * Whether a compressed block holds no sequences and no literals. Only literals that are stored raw
 * or run-length encoded can be told to be absent.
 */
async function isOfNothing(reader: Reader, at: number): Promise<boolean> {
  const [first = 0, second = 0, third = 0, fourth = 0] = await reader.at(at, 4)
  const type = first & 3
  if (type > 1) return false
  const format = (first >> 2) & 3
  if (format === 1) return (first >> 4) + second === 0 && (type === 0 ? third : fourth) === 0
  if (format === 3) return false
  return first >> 3 === 0 && (type === 0 ? second : third) === 0
}

function malformed(what: string, at: number): FormatError {
  return new FormatError(FORMAT, what, `offset ${at}`)
}
