import {
  closeSync,
  constants,
  fchmodSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { partialName } from './partial-name.ts'

/** How to write a file. */
export interface WriteOptions {
  /**
   * False skips the flush to the disk: the file then survives the end of the process but perhaps
   * not a power failure.
   */
  readonly flush: boolean
  /** Permission bits, whatever the umask is; 0600 by default, of which the umask may take some. */
  readonly mode?: number
}

/**
 * Writes a file so that a crash at any point leaves the old contents or the new, never a part of
 * them. It writes a new file in the same directory, flushes it and renames it over the old one.
 * Makes missing directories (0700).
 */
export function writeDurably(file: string, contents: string | Uint8Array, options: WriteOptions): void {
  writeWhole(file, contents, options)
  if (options.flush) syncDirectory(dirname(file))
}

/**
 * Like writeDurably, but after a power failure the old file may be there until its directory is
 * flushed: for many files, after which syncDirectory flushes all of their names at once.
 */
export function writeWhole(file: string, contents: string | Uint8Array, options: WriteOptions): void {
  const partial = partialName(file)
  const fd = openMaking(partial, options.mode ?? 0o600)
  try {
    if (options.mode !== undefined) fchmodSync(fd, options.mode)
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
}

/** Whether a directory entry is the partial file of a writer that was interrupted. */
export function isPartial(entry: string): boolean {
  return entry.endsWith('~')
}

/** Flushes a directory, so that a rename or removal in it survives a power failure. */
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
