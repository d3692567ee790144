import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { FileError } from '../../files/regular-file.ts'
import { printable } from '../../primitives/printable.ts'
import type { TreeFiles } from './work-tree.ts'

const COUNT_LIMIT = 1_000_000

/**
 * What lies in a work tree and is not in its commit, as byte strings, ignored files too. A
 * directory that the commit lacks is one path, with a slash at its end. `.git` at the top does not
 * count, and submodules are not looked into. Throws FileError.
 */
export function untrackedPaths(top: string, files: TreeFiles): readonly string[] {
  const directories = directoriesOf(files)
  const found: string[] = []
  let left = COUNT_LIMIT
  const walk = (prefix: string): void => {
    for (const entry of entriesOf(join(top, Buffer.from(prefix, 'latin1').toString('utf8')))) {
      if (left-- <= 0) throw new FileError(`more than ${COUNT_LIMIT} files in ${printable(top)}`)
      const path = prefix + entry.name.toString('latin1')
      if (path === '.git' || files.has(path)) continue
      if (!entry.isDirectory()) found.push(path)
      else if (directories.has(path)) walk(`${path}/`)
      else found.push(`${path}/`)
    }
  }
  walk('')
  return found.sort()
}

function entriesOf(directory: string) {
  try {
    return readdirSync(directory, { withFileTypes: true, encoding: 'buffer' })
  } catch (error) {
    throw new FileError(`cannot look into ${printable(directory)}: ${printable((error as Error).message)}`)
  }
}

function directoriesOf(files: TreeFiles): ReadonlySet<string> {
  const directories = new Set<string>()
  for (const path of files.keys()) {
    for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) {
      const directory = path.slice(0, at)
      if (directories.has(directory)) break
      directories.add(directory)
    }
  }
  return directories
}
