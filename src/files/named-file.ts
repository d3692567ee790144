import { realpathSync } from 'node:fs'
import { printable } from '../primitives/printable.ts'
import { FileError, readRegularFile } from './regular-file.ts'

/** A file that the caller named, and what it holds. */
export interface NamedFile {
  /** Absolute, symbolic links followed. */
  readonly path: string
  readonly bytes: Buffer
}

/**
 * Reads a file that the caller named, at most `limit` bytes; symbolic links are followed. Throws
 * FileError.
 */
export function readNamedFile(argument: string, limit: number): NamedFile {
  const path = realPathOf(argument)
  const bytes = readRegularFile(path, limit)
  if (bytes === undefined) throw new FileError(`there is no file ${printable(argument)}`)
  return { path, bytes }
}

/** Where a file that the caller named really lies. Throws FileError if it is not there. */
export function realPathOf(argument: string): string {
  try {
    return realpathSync(argument)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      throw new FileError(`there is no file ${printable(argument)}`)
    }
    throw new FileError(`cannot read ${printable(argument)}: ${printable((error as Error).message)}`)
  }
}
