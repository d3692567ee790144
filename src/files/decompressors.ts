/** What this machine can decompress; decompress-stream.ts does it. */
import * as zlib from 'node:zlib'
import { findProgram } from './programs.ts'

/** Compressions that Node undoes, as narinfo files name them. It has its own zstd from 22.15 on. */
const BUILT_IN: readonly string[] = [
  'none',
  'gzip',
  'br',
  ...('createZstdDecompress' in zlib ? ['zstd'] : []),
]
const BY_PROGRAM: readonly string[] = ['xz', 'bzip2', 'zstd', 'lzip']

/** Whether Node undoes it, so that no program is needed. */
export function isBuiltIn(compression: string): boolean {
  return BUILT_IN.includes(compression)
}

/** Whether it can decompress what is compressed in this way, as narinfo files name it. */
export function canDecompress(compression: string): boolean {
  if (isBuiltIn(compression)) return true
  return BY_PROGRAM.includes(compression) && findProgram(compression) !== undefined
}
