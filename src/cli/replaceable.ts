import { accessSync, constants, lstatSync } from 'node:fs'
import { dirname } from 'node:path'
import { replaceFile } from '../files/replace-file.ts'
import { printable } from '../primitives/printable.ts'
import { reasonOf } from '../primitives/system-error-words.ts'
import { UsageError } from './usage-error.ts'

/**
 * Throws UsageError if there is something else than a file where an option says that one is to be
 * written: root would replace /dev/null itself, and a link in place of what it leads to. Also if this
 * user may not write there, before there is something to write.
 */
export function assertReplaceable(option: string, file: string): void {
  if (lstatSync(file, { throwIfNoEntry: false })?.isFile() === false)
    throw new UsageError(`${option} ${printable(file)}: there is something else than a file`)
  try {
    accessSync(dirname(file), constants.W_OK)
  } catch (error) {
    // A missing directory is made.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw unwritten(option, file, error)
  }
}

/**
 * Writes what an option asks for into a file, which everybody may read and which is replaced at once.
 * Throws UsageError if it cannot be written.
 */
export async function writeReport(option: string, file: string, text: string): Promise<void> {
  try {
    await replaceFile(file, `${text}\n`, 0o644)
  } catch (error) {
    throw unwritten(option, file, error)
  }
}

/**
 * A UsageError that says why the file of an option cannot be written, by that name: what is written
 * first may have another. Another error than the system's comes back as it is.
 */
export function unwritten(option: string, file: string, error: unknown): unknown {
  if (!isOfSystem(error)) return error
  return new UsageError(
    `${option} ${printable(file)} cannot be written: ${reasonOf(error)}; next: name another file, in a directory that is there, where this user may write and has room`,
  )
}

function isOfSystem(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error
}
