/** Random access to a compressed file. */
import { read } from 'node:fs'
import { promisify } from 'node:util'
import { FormatError } from '../../primitives/format-error.ts'

/** An open file, or bytes in its place. */
export interface Reader {
  readonly size: number
  /**
   * Reads `length` bytes at `offset`, fewer at the end of the file. Rejects with the system's
   * error.
   */
  at(offset: number, length: number): Promise<Buffer>
}

const readAt = promisify(read)

/** Bytes read at once where only a few of them are looked at. */
const WINDOW = 64 * 1024

/** A reader of an open file of this size. It does not move the file's position. */
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

/** A reader of bytes in memory. */
export function bytesReader(bytes: Uint8Array): Reader {
  const buffer = Buffer.from(bytes)
  return { size: buffer.length, at: async (offset, length) => buffer.subarray(offset, offset + length) }
}

/**
 * A reader that keeps the last piece it read, for callers that look at a few bytes in many places,
 * one after the other.
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

/** Reads exactly `length` bytes at `offset`. Throws FormatError if the file ends earlier. */
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

/** The offset where the zeros at the end of a file begin, at least `from`. */
export async function endWithoutZeros(reader: Reader, from: number): Promise<number> {
  for (let end = reader.size; end > from; ) {
    const start = Math.max(from, end - WINDOW)
    const last = (await reader.at(start, end - start)).findLastIndex(byte => byte !== 0)
    if (last >= 0) return start + last + 1
    end = start
  }
  return from
}
