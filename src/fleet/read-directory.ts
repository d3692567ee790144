/** The audits that were brought together in a directory. */
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { AUDIT_LIMITS, parseAudit } from '../audit/parse.ts'
import { namesIn } from '../files/names-in.ts'
import { ArgumentError, FileError, readRegularFile } from '../files/regular-file.ts'
import { FormatError } from '../primitives/format-error.ts'
import { printable } from '../primitives/printable.ts'
import { withSystemErrorsInWords } from '../primitives/system-error-words.ts'
import type { Merge } from './merge.ts'

/** Files of one directory that are read. */
const MOST = 2_000

/** Names of machines in a list of those that are expected. */
const EXPECTED_BYTES = 1024 * 1024

/**
 * Adds each file `*.json` of a directory, in the order of their names; links are not followed.
 * `tell` hears how many of how many are read. Throws ArgumentError if there is no such directory,
 * or no audit in it, and FileError for more files than it reads.
 */
export function readAudits(
  directory: string,
  merge: Merge,
  tell: (read: number, of: number) => void = () => {},
): void {
  const shown = printable(directory)
  if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new ArgumentError(
      `${shown} is no directory; next: put what nixsig audit --json prints into one, a file *.json for each machine`,
    )
  }
  const names = namesIn(directory).filter(name => name.endsWith('.json'))
  if (names.length === 0) throw new ArgumentError(`${shown} has no file *.json`)
  if (names.length > MOST) throw new FileError(`${shown} has more than ${MOST} files *.json`)
  for (const [index, name] of [...names].sort().entries()) {
    tell(index, names.length)
    try {
      const bytes = readRegularFile(join(directory, name), AUDIT_LIMITS.bytes)
      if (bytes !== undefined) merge.add(name, parseAudit(bytes))
    } catch (error) {
      if (!(error instanceof FormatError || error instanceof FileError)) throw error
      merge.addUnreadable(name, withSystemErrorsInWords(error.message))
    }
  }
}

/**
 * The names of the machines that there should be: one a line, with empty lines and those that begin
 * with `#` left out. Throws ArgumentError if there is no such file, and FileError.
 */
export function readExpected(file: string): readonly string[] {
  const bytes = readRegularFile(file, EXPECTED_BYTES)
  if (bytes === undefined) throw new ArgumentError(`${printable(file)} is not there`)
  return bytes
    .toString('utf8')
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '' && !line.startsWith('#'))
}
