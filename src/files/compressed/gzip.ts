/**
 * Checks of gzip members (RFC 1952). Refused although the format allows them: extra fields and
 * comments, which are not part of the contents; header checksums, which no tool writes; empty
 * members; and file names that are empty or not printable.
 */
import { createInflateRaw, type InflateRaw } from 'node:zlib'
import { FormatError } from '../../primitives/format-error.ts'
import { printable } from '../../primitives/printable.ts'
import { endWithoutZeros, type Reader, wholly } from './reader.ts'

const FORMAT = 'gzip'
const FLAG = { text: 0x01, check: 0x02, extra: 0x04, name: 0x08, comment: 0x10 } as const
const NAME_LIMIT = 255
const MEMBER_LIMIT = 10_000
/** Members may be small, so the first read of each one is short. */
const FIRST_PIECE = 4096
const PIECE = 256 * 1024
const TRAILER_SIZE = 8

/**
 * Checks that a file consists of non-empty members, followed by zeros at most, and that at most
 * `limit` bytes come out. A member has to be inflated to find its end. Throws FormatError.
 */
export async function walkGzip(reader: Reader, limit: number): Promise<void> {
  const end = await endWithoutZeros(reader, 0)
  let room = limit
  let members = 0
  for (let at = 0; at < end || members === 0; ) {
    if (++members > MEMBER_LIMIT) throw malformed('too many members', at)
    const start = at + (await headerSize(reader, at))
    const { consumed, produced } = await inflate(reader, start, room)
    if (produced === 0) throw malformed('an empty member', at)
    room -= produced
    await wholly(reader, start + consumed, TRAILER_SIZE, FORMAT)
    at = start + consumed + TRAILER_SIZE
  }
}

async function headerSize(reader: Reader, at: number): Promise<number> {
  const header = await reader.at(at, 10 + NAME_LIMIT + 1)
  if (header.length < 10) throw malformed('it breaks off', at)
  const [first, second, method, flags = 0] = header
  if (first !== 0x1f || second !== 0x8b || method !== 8) throw malformed('data that is not a member', at)
  if ((flags & FLAG.extra) !== 0) throw malformed('a member with extra fields', at)
  if ((flags & FLAG.comment) !== 0) throw malformed('a member with a comment', at)
  if ((flags & ~(FLAG.text | FLAG.name)) !== 0) throw malformed('a member with unusual flags', at)
  if ((flags & FLAG.name) === 0) return 10
  const name = header.subarray(10, header.indexOf(0, 10))
  const text = name.toString('latin1')
  if (header.indexOf(0, 10) < 0 || text === '' || printable(text, NAME_LIMIT) !== text) {
    throw malformed('a member with an odd name', at)
  }
  return 10 + name.length + 1
}

/**
 * Inflates the data that begins at `start`. Returns how many bytes it takes in the file and how
 * many come out.
 */
async function inflate(reader: Reader, start: number, limit: number) {
  const stream = createInflateRaw()
  let produced = 0
  const ended = new Promise<void>((resolve, reject) => {
    stream.on('error', reject).on('end', resolve).on('close', resolve)
    stream.on('data', (piece: Buffer) => {
      produced += piece.length
      if (produced > limit) stream.destroy(malformed(`more than ${limit} bytes come out`, start))
    })
  })
  try {
    await Promise.race([ended, feed(stream, reader, start)])
    await ended
    return { consumed: stream.bytesWritten, produced }
  } catch (error) {
    if (error instanceof FormatError || !(error instanceof Error) || 'syscall' in error) throw error
    throw malformed(`what cannot be inflated: ${error.message}`, start)
  } finally {
    stream.destroy()
  }
}

async function feed(stream: InflateRaw, reader: Reader, start: number): Promise<void> {
  for (let at = start; at < reader.size && !stream.readableEnded && !stream.destroyed; ) {
    const piece = await reader.at(at, at === start ? FIRST_PIECE : PIECE)
    if (piece.length === 0) break
    at += piece.length
    await new Promise<void>(resolve => stream.write(piece, () => resolve()))
  }
  if (!stream.readableEnded && !stream.destroyed) stream.end()
}

function malformed(what: string, at: number): FormatError {
  return new FormatError(FORMAT, what, `offset ${at}`)
}
