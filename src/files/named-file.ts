import { realpathSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { printable } from '../primitives/printable.ts'
import { ArgumentError, readRegularFile } from './regular-file.ts'

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
  if (bytes === undefined) throw new ArgumentError(`there is no file ${printable(argument)}`)
  return { path, bytes }
}

/** Where a file that the caller named really lies. Throws FileError if it is not there. */
export function realPathOf(argument: string): string {
  try {
    return realpathSync(argument)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      throw new ArgumentError(`there is no file ${printable(argument)}`)
    }
    throw new ArgumentError(`cannot read ${printable(argument)}: ${printable((error as Error).message)}`)
  }
}

/** Throws ArgumentError if this is not a directory that is there. */
export function assertDirectory(path: string): void {
  const status = statSync(path, { throwIfNoEntry: false })
  if (status === undefined) throw new ArgumentError(`there is no directory ${printable(path)}`)
  if (status.isDirectory()) return
  throw new ArgumentError(
    `${printable(path)} is a file; next: name its directory, ${printable(dirname(path))}`,
  )
}
