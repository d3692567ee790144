import { closeSync, constants, fstatSync, lstatSync, openSync, readSync, type Stats } from 'node:fs'
import { printable } from '../primitives/printable.ts'

/**
 * A file that nixsig depends on cannot be read, is malformed, or could have been written by
 * somebody else.
 */
export class FileError extends Error {
  override readonly name: string = 'FileError'
}

/** What the caller named is absent, or is of another kind: naming it right mends it. */
export class ArgumentError extends FileError {
  override readonly name: string = 'ArgumentError'
}

/**
 * The contents of a regular file, at most `limit` bytes; undefined if the file is absent.
 * Follows no symbolic link and does not block on a pipe. `inspect` gets the status of the opened
 * file first and may throw. Throws FileError.
 */
export function readRegularFile(
  file: string,
  limit: number,
  inspect?: (status: Stats) => void,
): Buffer | undefined {
  // To make an error takes Node longer than to look first, and most of what hooks ask for is not
  // there.
  return isAbsent(file) ? undefined : readPresentFile(file, limit, inspect)
}

function isAbsent(file: string): boolean {
  try {
    return lstatSync(file, { throwIfNoEntry: false }) === undefined
  } catch {
    // Opening it meets the same, and says what it is.
    return false
  }
}

/** Like readRegularFile, but faster if the file is there, and slower if it is not. */
export function readPresentFile(
  file: string,
  limit: number,
  inspect?: (status: Stats) => void,
): Buffer | undefined {
  return withRegularFile(file, (fd, status) => {
    if (status.size > limit) throw new FileError(`${printable(file)} is larger than ${limit} bytes`)
    inspect?.(status)
    return readAll(fd, status.size)
  })
}

/**
 * Calls `use` with an open regular file and its status; undefined if the file is absent. Follows no
 * symbolic link and does not block on a pipe. Throws FileError.
 */
export function withRegularFile<T>(file: string, use: (fd: number, status: Stats) => T): T | undefined {
  const fd = openToRead(file)
  if (fd === undefined) return undefined
  try {
    const status = fstatSync(fd)
    if (!status.isFile()) throw new FileError(`${printable(file)} is not a regular file`)
    return use(fd, status)
  } finally {
    closeSync(fd)
  }
}

/**
 * The descriptor of a file of any kind; undefined if it is absent. Follows no symbolic link and does
 * not block on a pipe. Throws FileError.
 */
export function openToRead(file: string): number | undefined {
  try {
    return openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new FileError(`cannot read ${printable(file)}: ${printable((error as Error).message)}`)
  }
}

/** What an open file has, at most `size` bytes of it, which are put into `bytes`. */
export function readAll(fd: number, size: number, bytes: Buffer = Buffer.allocUnsafe(size)): Buffer {
  let length = 0
  while (length < size) {
    const count = readSync(fd, bytes, length, size - length, length)
    if (count === 0) break
    length += count
  }
  return bytes.subarray(0, length)
}
