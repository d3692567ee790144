/**
 * Checks of lzip members (the lzip manual, "File format"). It goes from the last member to the
 * first, because their sizes stand at their ends; lzip itself compares those sizes with what it
 * decompresses. Refused although the format allows them: empty members.
 */
import { FormatError } from '../../primitives/format-error.ts'
import { type Reader, wholly } from './reader.ts'

const FORMAT = 'lzip'
const HEADER = Buffer.from('LZIP\u0001', 'latin1')
const TRAILER_SIZE = 20
const MEMBER_LIMIT = 1_000_000

/** Checks that a file consists of non-empty members and nothing else. Throws FormatError. */
export async function walkLzip(reader: Reader): Promise<void> {
  let members = 0
  for (let end = reader.size; end > 0; ) {
    if (++members > MEMBER_LIMIT) throw malformed('too many members', end)
    const trailer = await wholly(reader, end - TRAILER_SIZE, TRAILER_SIZE, FORMAT)
    const start = end - Number(trailer.readBigUInt64LE(12))
    const isWithin = start >= 0 && start < end - TRAILER_SIZE
    const header = !isWithin ? undefined : await wholly(reader, start, HEADER.length, FORMAT)
    if (header?.equals(HEADER) !== true) {
      throw malformed('data that is not a member at its end', end)
    }
    if (trailer.readBigUInt64LE(4) === 0n) throw malformed('an empty member', start)
    end = start
  }
}

function malformed(what: string, at: number): FormatError {
  return new FormatError(FORMAT, what, `offset ${at}`)
}
