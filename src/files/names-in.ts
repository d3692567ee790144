import { readdirSync } from 'node:fs'
import { printable } from '../primitives/printable.ts'
import { FileError } from './regular-file.ts'

/** The names in a directory; none if it is absent. Throws FileError if it cannot be read. */
export function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw new FileError(`cannot look into ${printable(directory)}: ${printable((error as Error).message)}`)
  }
}

/** The names in a directory; none if it is absent or cannot be read. */
export function readableNamesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory)
  } catch {
    return []
  }
}
