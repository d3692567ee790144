/** Reading here and there in a compressed file. */
import { read } from 'node:fs'
import { promisify } from 'node:util'
import { FormatError } from '../../primitives/format-error.ts'

/** A file that is open, or bytes that stand for one. */
export interface Reader {
  readonly size: number
  /** So many bytes from there on, fewer at the end of the file. Rejects with what the system says. */
  at(offset: number, length: number): Promise<Buffer>
}

const readAt = promisify(read)

/** Bytes that are read at once where little of them is looked at. */
const WINDOW = 64 * 1024

/** A reader of an open file, of this size. Its place in the file does not move. */
export function fileReader({ fd, size }: { readonly fd: number; readonly size: number }): Reader {
  return {
    size,
    at: async (offset, length) => {
      const buffer = Buffer.alloc(Math.max(0, Math.min(length, size - offset)))
      let done = 0
      while (done < buffer.length) {
        const { bytesRead } = await readAt(fd, buffer, done, buffer.length - done, offset + done)
        if (bytesRead === 0) break
        done += bytesRead
      }
      return buffer.subarray(0, done)
    },
  }
}

/** A reader of bytes. */
export function bytesReader(bytes: Uint8Array): Reader {
  const buffer = Buffer.from(bytes)
  return { size: buffer.length, at: async (offset, length) => buffer.subarray(offset, offset + length) }
}

/**
 * A reader that keeps what it read last, for whoever looks at a few bytes in many places that lie one behind the
 * other.
 */
export function windowed(reader: Reader): Reader {
  let start = 0
  let held: Buffer = Buffer.alloc(0)
  return {
    size: reader.size,
    at: async (offset, length) => {
      if (offset < start || offset + length > start + held.length) {
        start = offset
        held = await reader.at(offset, Math.max(length, WINDOW))
      }
      return held.subarray(offset - start, offset - start + length)
    },
  }
}

/** All of so many bytes. Throws FormatError if the file ends before. */
export async function wholly(
  reader: Reader,
  offset: number,
  length: number,
  format: string,
): Promise<Buffer> {
  const bytes = offset < 0 ? Buffer.alloc(0) : await reader.at(offset, length)
  if (bytes.length === length) return bytes
  throw new FormatError(format, 'it breaks off', `offset ${offset}`)
}

/** Where the zeros begin that a file ends with, not before `from`. */
export async function endWithoutZeros(reader: Reader, from: number): Promise<number> {
  for (let end = reader.size; end > from; ) {
    const start = Math.max(from, end - WINDOW)
    const last = (await reader.at(start, end - start)).findLastIndex(byte => byte !== 0)
    if (last >= 0) return start + last + 1
    end = start
  }
  return from
}
