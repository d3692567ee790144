import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { parseGitTree } from '../../formats/git-object.ts'
import type { GitObjects } from '../../git/objects.ts'

/** What is at a path; `submodule`: the path ends at one, or goes on in it. */
export type Place = 'directory' | 'file' | 'link' | 'submodule' | 'absent'

/**
 * What is at a path in a tree, by its names. A link on the way, or at the end, is a link: it is not
 * followed, since it may lead out of the tree. Throws FileError and FormatError.
 */
export async function placeInTree(
  objects: GitObjects,
  tree: string,
  [name, ...rest]: readonly string[],
): Promise<Place> {
  if (name === undefined) return 'directory'
  const bytes = Buffer.from(name).toString('latin1')
  const entries = parseGitTree(await objects.read(tree, 'tree'), tree.length / 2)
  const entry = entries.find(each => each.name === bytes)
  switch (entry?.kind) {
    case undefined:
      return 'absent'
    case 'directory':
      return placeInTree(objects, entry.id, rest)
    case 'symlink':
      return 'link'
    case 'submodule':
      return 'submodule'
    default:
      return rest.length === 0 ? 'file' : 'absent'
  }
}

/** The same of a directory on the disk. */
export function placeOnDisk(top: string, [name, ...rest]: readonly string[]): Place {
  if (name === undefined) return 'directory'
  const status = lstatSync(join(top, name), { throwIfNoEntry: false })
  if (status?.isDirectory()) return placeOnDisk(join(top, name), rest)
  if (status?.isSymbolicLink()) return 'link'
  return status?.isFile() && rest.length === 0 ? 'file' : 'absent'
}
