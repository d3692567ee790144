/**
 * Streams of bzip2. Where one ends is known only to who decompresses it; bzip2 itself complains of whatever follows
 * and is no stream. What is left to look for is a stream of nothing: its 14 bytes stand nowhere else by chance.
 */
import { FormatError } from '../../primitives/format-error.ts'
import type { Reader } from './reader.ts'

/** Behind `BZh` and a digit: the mark of an end, and the sum of no blocks. */
const EMPTY = Buffer.from('17724538509000000000', 'hex')
const START = /BZh[1-9]$/
const PIECE = 1024 * 1024

/** Checks that no stream in a file is empty. Throws FormatError. */
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
