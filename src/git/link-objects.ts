import { mkdirSync, readdirSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { FileError } from '../files/regular-file.ts'
import { printable } from '../primitives/printable.ts'

/**
 * Loose objects and packs that are linked. Git packs loose objects long before there are this many.
 */
const LINK_LIMIT = 200_000

/**
 * Links packs, their indexes and loose objects, and nothing else in the directory. Throws FileError
 * for one that is not a regular file: git could wait forever for its end.
 */
export function linkObjects(from: string, to: string): void {
  let links = 0
  const link = (directory: string, form: RegExp) => {
    const names = namesIn(join(from, directory)).filter(name => form.test(name))
    links += names.length
    if (links > LINK_LIMIT) throw new FileError(`more than ${LINK_LIMIT} files in ${printable(from)}`)
    mkdirSync(join(to, directory), { recursive: true })
    for (const name of names) {
      const file = join(from, directory, name)
      // A symbolic link counts as its target. One that leads nowhere is reported by git as a
      // missing object.
      if (statSync(file, { throwIfNoEntry: false })?.isFile() === false) {
        throw new FileError(`not a regular file: ${printable(file)}`)
      }
      symlinkSync(file, join(to, directory, name))
    }
  }
  for (const name of namesIn(from).filter(each => /^[0-9a-f]{2}$/.test(each))) {
    link(name, /^(?:[0-9a-f]{38}|[0-9a-f]{62})$/)
  }
  link('pack', /^pack-[0-9a-f]{40,64}\.(?:pack|idx)$/)
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw new FileError(`cannot read ${printable(directory)}: ${printable((error as Error).message)}`)
  }
}
