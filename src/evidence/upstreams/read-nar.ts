import { SourceError } from '../../http/source-error.ts'
import type { Offer } from './upstream.ts'

/** The most bytes of a file with a NAR of this size: compression makes nothing much longer. */
export function fileLimit(narSize: number): number {
  return Math.floor(narSize + narSize / 8) + 1024 * 1024
}

/**
 * The decompressed NAR of an offer, piece by piece; its content is not checked. Ends when the
 * reader stops or the signal fires. Rejects with SourceError, FileError, FormatError and
 * DecompressionError.
 */
export async function* readNar(
  offer: Offer,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { narinfo, open } = offer
  const streamed = await open({ signal })
  if (streamed === undefined) throw new SourceError('has no such NAR', { isPassing: false })
  const { decompressed } = await import('../../files/decompress-stream.ts')
  yield* decompressed(streamed.body, {
    // As in Nix, a narinfo that names no compression means bzip2.
    compression: narinfo.compression ?? 'bzip2',
    limit: fileLimit(narinfo.narSize),
    signal,
  })
}
