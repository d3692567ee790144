/**
 * What has come of a NAR and is not sent yet: in memory while it is small, then in a file without a
 * name, which vanishes with this process.
 */
import { randomBytes } from 'node:crypto'
import { type FileHandle, open, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { BytePart } from '../http/byte-range.ts'
import { toHex } from '../primitives/hex.ts'
import type { Reserved } from './nar-room.ts'

/** Bytes that are kept in memory. */
export const MEMORY_LIMIT = 64 * 1024
/** Bytes that are read from the file at once. */
const PIECE = 256 * 1024

export interface Spool {
  /** Bytes in it. */
  readonly size: () => number
  /** Adds a piece. False, and nothing is added, if there is no room for it. */
  write(piece: Buffer): Promise<boolean>
  /** Empties it. */
  reset(): Promise<void>
  /** Part of what is in it, piece by piece. Nothing may be written or closed meanwhile. */
  read(part: BytePart): AsyncGenerator<Buffer, void, undefined>
  /** Removes it, and gives its room back; again does nothing. Never rejects. */
  close(): Promise<void>
}

/** An empty spool. Without room for a file it takes only what is kept in memory. */
export function openSpool(room: Reserved | undefined): Spool {
  let [pieces, size]: [Buffer[], number] = [[], 0]
  let handle: FileHandle | undefined
  let isClosed = false

  /** Moves what is in memory into a file. */
  async function startFile(directory: string): Promise<FileHandle> {
    const opened = await openNameless(directory)
    handle = opened
    await writeAll(opened, Buffer.concat(pieces), 0)
    pieces = []
    return opened
  }

  async function writeToFile(piece: Buffer): Promise<boolean> {
    if (room === undefined || size + piece.length > room.bytes) return false
    try {
      await writeAll(handle ?? (await startFile(room.directory)), piece, size)
      return true
    } catch (error) {
      // The disk is full, or the file cannot be made: what came before is still there.
      if (error instanceof Error && 'syscall' in error) return false
      throw error
    }
  }

  return {
    size: () => size,
    async write(piece) {
      const isSmall = handle === undefined && size + piece.length <= MEMORY_LIMIT
      if (isSmall) pieces.push(piece)
      else if (!(await writeToFile(piece))) return false
      size += piece.length
      return true
    },
    async reset() {
      ;[pieces, size] = [[], 0]
      await handle?.truncate(0)
    },
    async *read({ start, end }) {
      if (pieces.length > 0) yield Buffer.concat(pieces).subarray(start, end + 1)
      else if (handle !== undefined) yield* readFrom(handle, start, Math.min(end, size - 1))
    },
    async close() {
      if (isClosed) return
      isClosed = true
      pieces = []
      await handle?.close().catch(() => undefined)
      room?.release()
    },
  }
}

async function openNameless(directory: string): Promise<FileHandle> {
  const file = join(directory, toHex(randomBytes(16)))
  const handle = await open(file, 'wx+', 0o600)
  await unlink(file)
  return handle
}

async function writeAll(handle: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done)
    done += bytesWritten
  }
}

async function* readFrom(
  handle: FileHandle,
  start: number,
  end: number,
): AsyncGenerator<Buffer, void, undefined> {
  for (let at = start; at <= end; ) {
    const wanted = Math.min(PIECE, end + 1 - at)
    const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(wanted), 0, wanted, at)
    if (bytesRead === 0) throw new Error('a file without a name ended early')
    at += bytesRead
    yield buffer.subarray(0, bytesRead)
  }
}
