import { SourceError } from '../../http/source-error.ts'
import type { Offer } from './upstream.ts'

/** What is read of the file beyond what its NAR could need: compression makes nothing much longer. */
const EXCESS = 1024 * 1024

/**
 * The NAR that an offer is about, piece by piece, decompressed; nothing in it is checked. Whoever stops reading, or the
 * signal, ends it. Rejects with SourceError, FileError, FormatError and DecompressionError.
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
    // As Nix has it, a narinfo that names no compression means bzip2.
    compression: narinfo.compression ?? 'bzip2',
    limit: narinfo.narSize + narinfo.narSize / 8 + EXCESS,
    signal,
  })
}
