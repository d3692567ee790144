/** Containers of compressed files: walked through, or refused properly. */
import { gzipSync } from 'node:zlib'
import type { Compression } from '../../src/files/compressed/compression.ts'
import { bytesReader } from '../../src/files/compressed/reader.ts'
import { walkCompressed } from '../../src/files/compressed/walk.ts'
import { FormatError } from '../../src/primitives/format-error.ts'
import { refusalOf, type Target } from '../target.ts'

const LIMIT = 1024 * 1024

/** "hello hello hello\n" compressed by each tool; for lzip only the container. */
const SEEDS: Readonly<Record<Compression, readonly string[]>> = {
  gzip: [gzipSync('hello hello hello\n').toString('hex')],
  xz: [
    'fd377a585a000004e6d6b4460200210116000000742fe5a3e00011000c5d00341949ee8de94f7e2121b000001f01d9c887c143c800012812c96a628e1fb6f37d010000000004595a',
  ],
  bzip2: ['425a6839314159265359e5b5f3090000045100001040000244a00021b5180c029069c2a30bb9229c284872daf98480'],
  zstd: ['28b52ffd04586d00003868656c6c6f200a0100314a11a3aa74ce', '28b52ffd041d0900000102030405060708090a0b'],
  lzip: ['4c5a4950010c00341949e42d6b00007856341212000000000000002300000000000000'],
}

const TOKENS: Readonly<Record<Compression, readonly string[]>> = {
  gzip: ['\x1f\x8b\x08\x00', '\x1f\x8b\x08\x08', '\x04', 'x\0', '\x03\x00', '\0\0\0\0'],
  xz: ['\xfd7zXZ\0', '\0\0\0\0', 'YZ', '\0\x01', '\x80\x01'],
  bzip2: ['BZh9', '\x17\x72\x45\x38\x50\x90', '\x31\x41\x59\x26\x53\x59', '\0\0\0\0'],
  zstd: ['\x28\xb5\x2f\xfd', '\x50\x2a\x4d\x18', '\x01\0\0', '\x20\0', '\0\0\0\0'],
  lzip: ['LZIP\x01', '\x26\0\0\0\0\0\0\0', '\0\0\0\0\0\0\0\0'],
}

export const COMPRESSED: readonly Target[] = (Object.keys(SEEDS) as Compression[]).map(compression => ({
  name: `${compression} file`,
  seeds: SEEDS[compression].map(hex => Buffer.from(hex, 'hex')),
  tokens: TOKENS[compression],
  check: async input => {
    try {
      await walkCompressed(compression, bytesReader(input), LIMIT)
      return 'accepted'
    } catch (error) {
      return refusalOf(error, [FormatError])
    }
  },
}))
