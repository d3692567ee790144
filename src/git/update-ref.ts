import { closeSync, lstatSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { withHeldDirectory } from '../files/held-directory.ts'
import { FileError } from '../files/regular-file.ts'
import { OBJECT_ID } from '../formats/git-object-id.ts'
import { printable } from '../primitives/printable.ts'
import { isRefName, readRefs } from './all-refs.ts'
import { readLooseRef } from './refs.ts'

/**
 * Sets a reference from one value to another, as git does it with files (its files backend): under
 * `<ref>.lock`, which only one writer can create. `before` is undefined for a new reference.
 * Returns false, and changes nothing, if it has another value by now or is locked. Writes no reflog
 * and runs no hook. `directory` is the one that all work trees of the repository share. Throws
 * FileError.
 */
export function updateRef(
  directory: string,
  ref: string,
  { before, after }: { readonly before: string | undefined; readonly after: string },
): boolean {
  if (!isRefName(ref)) throw new FileError(`${printable(ref)} cannot be the name of a reference`)
  const names = dirname(ref).split('/')
  return withHeldDirectory(directory, names, held => {
    const file = join(held, basename(ref))
    const lock = `${file}.lock`
    const fd = createLock(lock, `${join(directory, ref)}.lock`)
    if (fd === undefined) return false
    let isHeld = true
    try {
      assertPlainFile(file, join(directory, ref))
      if (readRefs(directory).get(ref)?.id !== before) return false
      writeFileSync(fd, `${after}\n`, { flush: true })
      renameSync(lock, file)
      isHeld = false
      return true
    } catch (error) {
      if (error instanceof FileError) throw error
      const problem = printable((error as Error).message)
      throw new FileError(`cannot write ${printable(join(directory, ref))}: ${problem}`)
    } finally {
      closeSync(fd)
      if (isHeld) rmSync(lock, { force: true })
    }
  })
}

/** Throws FileError for a link, a symbolic reference, or anything else but an ordinary one. */
function assertPlainFile(file: string, shown: string): void {
  const status = lstatSync(file, { throwIfNoEntry: false })
  if (status === undefined) return
  if (!status.isFile()) throw new FileError(`${printable(shown)} is not a plain file`)
  if (!OBJECT_ID.test(readLooseRef(file) ?? '')) throw new FileError(`${printable(shown)} holds no object id`)
}

function createLock(lock: string, shown: string): number | undefined {
  try {
    return openSync(lock, 'wx', 0o666)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return undefined
    throw new FileError(`cannot create ${printable(shown)}: ${printable((error as Error).message)}`)
  }
}
