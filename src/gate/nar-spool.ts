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

/** Bytes that are kept in memory where there is no room for a file. */
const MEMORY_LIMIT = 64 * 1024
/** Bytes that are written to the file, and read from it, at once. */
const PIECE = 128 * 1024

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
  const most = room?.bytes ?? MEMORY_LIMIT
  // The last pieces are in memory, and those before them in the file.
  let [pieces, size, written]: [Buffer[], number, number] = [[], 0, 0]
  let handle: FileHandle | undefined
  let isFull = false
  let isClosed = false

  async function writeOut({ directory }: Reserved): Promise<void> {
    try {
      handle ??= await openNameless(directory)
      await writeAll(handle, pieces, written)
      ;[pieces, written] = [[], size]
    } catch (error) {
      // The disk is full, or the file cannot be made. What is in memory stays there.
      if (!(error instanceof Error && 'syscall' in error)) throw error
      isFull = true
    }
  }

  return {
    size: () => size,
    async write(piece) {
      if (isFull || size + piece.length > most) return false
      pieces.push(piece)
      size += piece.length
      if (room !== undefined && size - written >= PIECE) await writeOut(room)
      return true
    },
    async reset() {
      ;[pieces, size, written, isFull] = [[], 0, 0, false]
      await handle?.truncate(0)
    },
    async *read({ start, end }) {
      if (handle !== undefined) yield* readFrom(handle, start, Math.min(end, written - 1))
      const rest = Buffer.concat(pieces).subarray(
        Math.max(0, start - written),
        Math.max(0, end + 1 - written),
      )
      if (rest.length > 0) yield rest
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

async function writeAll(handle: FileHandle, pieces: readonly Buffer[], position: number): Promise<void> {
  const wanted = pieces.reduce((sum, { length }) => sum + length, 0)
  const { bytesWritten } = await handle.writev([...pieces], position)
  if (bytesWritten === wanted) return
  const rest = Buffer.concat(pieces).subarray(bytesWritten)
  // A disk that is full takes a part, and then says so.
  if (bytesWritten === 0) throw Object.assign(new Error('nothing was written'), { syscall: 'writev' })
  await writeAll(handle, [rest], position + bytesWritten)
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
