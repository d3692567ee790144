import { realpathSync } from 'node:fs'
import { FileError, readRegularFile } from '../files/regular-file.ts'
import { printable } from '../primitives/printable.ts'

/** A file that the caller named, and what it holds. */
export interface ArgumentFile {
  /** Absolute, symbolic links followed. */
  readonly path: string
  readonly bytes: Buffer
}

/** Reads a file that the caller named, at most `limit` bytes; symbolic links are followed. Throws FileError. */
export function readArgumentFile(argument: string, limit: number): ArgumentFile {
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
