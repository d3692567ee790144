import { closeSync, constants, existsSync, mkdirSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { printable } from '../primitives/printable.ts'
import { FileError } from './regular-file.ts'

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants

/**
 * Calls `use` with the path of a directory below `base`, by its names, which nobody can exchange
 * meanwhile for another one or for a link: it is held open, and so is each directory on the way
 * while the next one is opened in it. Missing ones below `base` are made. For writing where others
 * can write as well; what is created there needs O_EXCL, or a rename, which follow no link either.
 * Elsewhere than on Linux it only sees to it that none is a link at first. Throws FileError if one
 * is not a directory, links included.
 */
export function withHeldDirectory<T>(
  base: string,
  names: readonly string[],
  use: (directory: string) => T,
): T {
  let shown = base
  let held = openHeld(base, shown, O_RDONLY | O_DIRECTORY)
  try {
    for (const name of names) {
      const within = join(pathOf(held, shown), name)
      shown = join(shown, name)
      const next = openMade(within, shown)
      closeSync(held)
      held = next
    }
    return use(pathOf(held, shown))
  } finally {
    closeSync(held)
  }
}

function pathOf(fd: number, directory: string): string {
  const path = `/proc/${process.pid}/fd/${fd}`
  return existsSync(path) ? path : directory
}

function openMade(path: string, shown: string): number {
  try {
    mkdirSync(path)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code !== 'EEXIST') throw new FileError(`cannot make ${printable(shown)}: ${printable(message)}`)
  }
  return openHeld(path, shown, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
}

function openHeld(path: string, shown: string, flags: number): number {
  try {
    return openSync(path, flags)
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException
    if (code === 'ELOOP' || code === 'ENOTDIR') throw new FileError(`${printable(shown)} is not a directory`)
    throw new FileError(`cannot open ${printable(shown)}: ${printable(message)}`)
  }
}
