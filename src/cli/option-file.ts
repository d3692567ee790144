import { FileError, readRegularFile } from '../files/regular-file.ts'
import { FormatError } from '../primitives/format-error.ts'
import { printable } from '../primitives/printable.ts'
import { UsageError } from './usage-error.ts'

/** What an option takes from a file. */
export interface OptionFile<T> {
  /** What it has to be: `checkpoint`. */
  readonly what: string
  /** Bytes that it has at most. */
  readonly limit: number
  /** What makes such a file, or where to get one. */
  readonly next: string
  /** Throws FormatError. */
  parse(bytes: Buffer): T
}

/** Reads the file that an option names. Throws UsageError, which names it, if it is not that. */
export function readOptionFile<T>(
  option: string,
  file: string,
  { what, limit, next, parse }: OptionFile<T>,
): T {
  try {
    const bytes = readRegularFile(file, limit)
    if (bytes === undefined) throw new FileError('there is no such file')
    return parse(bytes)
  } catch (error) {
    if (!(error instanceof FileError || error instanceof FormatError)) throw error
    throw new UsageError(
      `${option} ${printable(file)} is no ${what} that can be read: ${error.message}; next: ${next}`,
    )
  }
}
