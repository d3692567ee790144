/**
 * Checks of xz streams (the .xz file format, version 1.2.1). It goes from the last stream to the
 * first, because their sizes stand at their ends; xz itself compares those sizes with the blocks.
 * Refused although the format allows them: empty streams and empty blocks.
 */
import { crc32 } from 'node:zlib'
import { FormatError } from '../../primitives/format-error.ts'
import { endWithoutZeros, type Reader, wholly } from './reader.ts'

const FORMAT = 'xz'
const MAGIC = Buffer.from('fd377a585a00', 'hex')
const END_SIZE = 12
const INDEX_LIMIT = 64 * 1024 * 1024
const STREAM_LIMIT = 10_000

/**
 * Checks that a file consists of non-empty streams, with only zeros between them. Throws
 * FormatError.
 */
export async function walkXz(reader: Reader): Promise<void> {
  let streams = 0
  for (let end = reader.size; end > 0; ) {
    if (++streams > STREAM_LIMIT) throw malformed('too many streams', end)
    end = await startOfStream(reader, await withoutPadding(reader, end))
  }
  if (streams === 0) throw malformed('no stream', 0)
}

async function withoutPadding(reader: Reader, end: number): Promise<number> {
  const contents = await endWithoutZeros({ ...reader, size: end }, 0)
  // A footer ends with letters, so all zeros here are padding. The format pads to a multiple of
  // four bytes.
  if ((end - contents) % 4 !== 0) throw malformed('padding of an odd size', contents)
  return contents
}

async function startOfStream(reader: Reader, end: number): Promise<number> {
  const footer = await wholly(reader, end - END_SIZE, END_SIZE, FORMAT)
  const isFooter = footer.subarray(10).toString('latin1') === 'YZ'
  if (!isFooter || footer.readUInt32LE() !== crc32(footer.subarray(4, 10))) {
    throw malformed('data that is not a stream at its end', end)
  }
  const size = (footer.readUInt32LE(4) + 1) * 4
  if (size > INDEX_LIMIT) throw malformed(`an index of more than ${INDEX_LIMIT} bytes`, end)
  const indexAt = end - END_SIZE - size
  const blocks = readIndex(await wholly(reader, indexAt, size, FORMAT), indexAt)
  const start = indexAt - blocks - END_SIZE
  const header = await wholly(reader, start, END_SIZE, FORMAT)
  const flags = header.subarray(6, 8)
  const isHeader = header.subarray(0, 6).equals(MAGIC) && header.readUInt32LE(8) === crc32(flags)
  if (!isHeader || !flags.equals(footer.subarray(8, 10)))
    throw malformed('a stream that does not begin', start)
  return start
}

/** The total size in the file, in bytes, of all blocks that an index lists. Throws FormatError. */
function readIndex(index: Buffer, at: number): number {
  const check = index.length - 4
  if (index[0] !== 0 || index.readUInt32LE(check) !== crc32(index.subarray(0, check))) {
    throw malformed('an index that is broken', at)
  }
  let place = 1
  const number = () => {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = index[place++]
      if (byte === undefined || place > check || scale > 2 ** 49)
        throw malformed('an index that is broken', at)
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
    }
  }
  const count = number()
  if (count === 0) throw malformed('an empty stream', at)
  let total = 0
  for (let block = 0; block < count; block++) {
    total += Math.ceil(number() / 4) * 4
    if (number() === 0) throw malformed('an empty block', at)
    if (!Number.isSafeInteger(total)) throw malformed('an index of too much', at)
  }
  const padding = index.subarray(place, check)
  if (padding.length > 3 || padding.some(byte => byte !== 0)) throw malformed('an index that is broken', at)
  return total
}

function malformed(what: string, at: number): FormatError {
  return new FormatError(FORMAT, what, `offset ${at}`)
}
