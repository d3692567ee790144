import { Readable } from 'node:stream'
import { compressionOf, DecompressionError } from '../../files/decompress.ts'
import { decompressed } from '../../files/decompress-stream.ts'

const TIME_LIMIT = 120_000

/**
 * The contents of a compressed file, by its first bytes; a file in no known compression as it is.
 * Rejects with DecompressionError if it is corrupt, or if more than `limit` bytes come out.
 */
export async function unpacked(file: Uint8Array, limit: number): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  let size = 0
  const isCompressed = compressionOf(file) !== undefined
  const source: AsyncIterable<Uint8Array> = isCompressed
    ? decompressed(Readable.from([Buffer.from(file.buffer, file.byteOffset, file.byteLength)]), {
        compression: 'xz',
        limit: file.byteLength,
        signal: AbortSignal.timeout(TIME_LIMIT),
      })
    : Readable.from([file])
  for await (const piece of source) {
    size += piece.byteLength
    if (size > limit) throw new DecompressionError(`more than ${limit} bytes come out`, { isOurs: false })
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}
