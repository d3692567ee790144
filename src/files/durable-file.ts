import {
  closeSync,
  constants,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'

let serial = 0

export interface WriteOptions {
  /** False leaves out the flush to the disk, for what may be lost with the machine's power but not with a process. */
  readonly flush: boolean
  /** 0600 unless told. */
  readonly mode?: number
}

/**
 * Writes a file so that a crash at any point leaves the old contents or the new, never a part: to a name of its own in
 * the same directory, flushed, renamed over. Makes missing directories (0700).
 */
export function writeDurably(file: string, contents: string | Uint8Array, options: WriteOptions): void {
  const dir = dirname(file)
  // Numbers of processes come again, and a killed one leaves its file: the time makes the name new.
  const partial = `${file}.${process.pid}.${Date.now()}.${serial++}~`
  const fd = openMaking(partial, options.mode ?? 0o600)
  try {
    const bytes = typeof contents === 'string' ? Buffer.from(contents, 'utf8') : contents
    for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done)
    if (options.flush) fsyncSync(fd)
    renameSync(partial, file)
  } catch (error) {
    unlinkSync(partial)
    throw error
  } finally {
    closeSync(fd)
  }
  if (options.flush) syncDirectory(dir)
}

/** Whether a directory entry is the half-written file of a writer that never finished. */
export function isPartial(entry: string): boolean {
  return entry.endsWith('~')
}

/** Flushes a directory, so that a rename or removal in it outlives the machine's power. */
export function syncDirectory(dir: string): void {
  const fd = openSync(dir, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

function openMaking(file: string, mode: number): number {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW
  try {
    return openSync(file, flags, mode)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    return openSync(file, flags, mode)
  }
}
