import { FileError } from '../files/regular-file.ts'
import { FormatError } from '../primitives/format-error.ts'
import { UsageError } from './usage-error.ts'

/** Reads the value of an option; what is wrong with it is said with the option's name. Throws UsageError. */
export function saying<T>(option: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof FormatError || error instanceof FileError)) throw error
    throw new UsageError(`${option}: ${error.message}`)
  }
}
