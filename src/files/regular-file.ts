import { closeSync, constants, fstatSync, lstatSync, openSync, readSync, type Stats } from 'node:fs'
import { printable } from '../primitives/printable.ts'

/**
 * A file that nixsig depends on cannot be read, is malformed, or could have been written by
 * somebody else.
 */
export class FileError extends Error {
  override readonly name: string = 'FileError'
}

/**
 * The contents of a regular file, at most `limit` bytes; undefined if there is no such file.
 * Follows no symbolic link and does not block on a pipe. `inspect` gets the status of the opened
 * file first and may throw. Throws FileError.
 */
export function readRegularFile(
  file: string,
  limit: number,
  inspect?: (status: Stats) => void,
): Buffer | undefined {
  let fd: number
  try {
    // Node is slow to make an error, and most files that hooks ask for do not exist: look first.
    if (lstatSync(file, { throwIfNoEntry: false }) === undefined) return undefined
    fd = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new FileError(`cannot read ${printable(file)}: ${printable((error as Error).message)}`)
  }
  try {
    const status = fstatSync(fd)
    if (!status.isFile()) throw new FileError(`${printable(file)} is not a regular file`)
    if (status.size > limit) throw new FileError(`${printable(file)} is larger than ${limit} bytes`)
    inspect?.(status)
    return readAll(fd, status.size)
  } finally {
    closeSync(fd)
  }
}

function readAll(fd: number, size: number): Buffer {
  const bytes = Buffer.allocUnsafe(size)
  let length = 0
  while (length < size) {
    const count = readSync(fd, bytes, length, size - length, length)
    if (count === 0) break
    length += count
  }
  return bytes.subarray(0, length)
}
