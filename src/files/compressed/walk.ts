/**
 * Checks a compressed file before any program unpacks it: it holds the compressed data of its
 * contents, and nothing that one reader would skip and another unpack. Heavy: load it by `import()`
 * only.
 */

import { walkBzip2 } from './bzip2.ts'
import type { Compression } from './compression.ts'
import { walkGzip } from './gzip.ts'
import { walkLzip } from './lzip.ts'
import { refuseOtherArchives } from './other-archives.ts'
import type { Reader } from './reader.ts'
import { walkXz } from './xz.ts'
import { walkZstd } from './zstd.ts'

/**
 * Checks a file of which at most `limit` bytes may come out. Throws FormatError if it holds
 * anything but plain compressed data.
 */
export async function walkCompressed(compression: Compression, reader: Reader, limit: number): Promise<void> {
  await WALKS[compression](reader, limit)
  await refuseOtherArchives(reader)
}

const WALKS: Readonly<Record<Compression, (reader: Reader, limit: number) => Promise<void>>> = {
  zstd: walkZstd,
  xz: walkXz,
  gzip: walkGzip,
  bzip2: walkBzip2,
  lzip: walkLzip,
}
