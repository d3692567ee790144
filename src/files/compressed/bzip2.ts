/**
 * Checks of bzip2 streams. Only a decompressor can tell where a stream ends, and bzip2 itself
 * complains of trailing data that is not a stream. What remains to be checked is an empty stream:
 * its 14 bytes do not occur by chance.
 */
import { FormatError } from '../../primitives/format-error.ts'
import type { Reader } from './reader.ts'

/**
 * What follows `BZh` and a digit in an empty stream: the end-of-stream mark and the checksum of no
 * blocks.
 */
const EMPTY = Buffer.from('17724538509000000000', 'hex')
const START = /BZh[1-9]$/
const PIECE = 1024 * 1024

/** Checks that a file contains no empty bzip2 stream. Throws FormatError. */
export async function walkBzip2(reader: Reader): Promise<void> {
  const overlap = EMPTY.length + 4
  for (let at = 0; at < reader.size; at += PIECE - overlap) {
    const piece = await reader.at(at, PIECE)
    for (let found = piece.indexOf(EMPTY); found >= 0; found = piece.indexOf(EMPTY, found + 1)) {
      if (START.test(piece.subarray(Math.max(0, found - 4), found).toString('latin1'))) {
        throw new FormatError('bzip2', 'an empty stream', `offset ${at + found - 4}`)
      }
    }
  }
}
