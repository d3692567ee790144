/** Programs that nixsig runs with its own rights because root listed them. */
import { accessSync, constants, statSync } from 'node:fs'
import { printable } from '../primitives/printable.ts'
import { protectedPath } from './owned-file.ts'
import { FileError } from './regular-file.ts'

/**
 * Throws FileError, with what to do, unless a program is there, can be run, and could have been
 * written or replaced only by root or the user of this process. Links are followed, and each
 * directory on the way has to be guarded as well.
 */
export function assertOwnProgram(program: string): void {
  const name = printable(program)
  const status = statSync(program, { throwIfNoEntry: false })
  if (status === undefined) throw new FileError(`there is no ${name}`)
  const real = printable(protectedPath(program))
  if (!status.isFile()) throw new FileError(`${real} is not a regular file`)
  if (status.uid !== 0 && status.uid !== process.geteuid?.())
    throw new FileError(`${real} belongs to user ${status.uid} (chown root ${real})`)
  if ((status.mode & 0o022) !== 0) throw new FileError(`${real} is writable by others (chmod go-w ${real})`)
  try {
    accessSync(program, constants.X_OK)
  } catch {
    throw new FileError(`${real} cannot be executed (chmod +x ${real})`)
  }
}
