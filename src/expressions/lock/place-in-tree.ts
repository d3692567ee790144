import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import type { GitTreeEntry } from '../../formats/git-object.ts'
import type { GitObjects } from '../../git/objects.ts'
import { entriesIn } from '../../git/read-tree.ts'

/** What is at a path; `submodule`: the path ends at one, or goes on in it. */
export type Place = 'directory' | 'file' | 'link' | 'submodule' | 'absent'

/** What is in a tree. */
type Found = Pick<GitTreeEntry, 'kind' | 'id'>

/**
 * The entry at a path in a tree, by its names; undefined if it is absent. A link or a submodule on
 * the way is returned: neither is followed, since it may lead out of the tree. Throws FileError and
 * FormatError.
 */
export async function entryAt(
  objects: GitObjects,
  tree: string,
  [name, ...rest]: readonly string[],
): Promise<Found | undefined> {
  if (name === undefined) return { kind: 'directory', id: tree }
  const bytes = Buffer.from(name).toString('latin1')
  const entry = (await entriesIn(objects, tree)).find(each => each.name === bytes)
  if (entry?.kind === 'directory') return entryAt(objects, entry.id, rest)
  const isFile = entry?.kind === 'file' || entry?.kind === 'executable'
  return isFile && rest.length > 0 ? undefined : entry
}

const PLACES: Readonly<Record<GitTreeEntry['kind'], Place>> = {
  directory: 'directory',
  file: 'file',
  executable: 'file',
  symlink: 'link',
  submodule: 'submodule',
}

/** What is at a path in a tree, by its names. Throws FileError and FormatError. */
export async function placeInTree(
  objects: GitObjects,
  tree: string,
  names: readonly string[],
): Promise<Place> {
  const entry = await entryAt(objects, tree, names)
  return entry === undefined ? 'absent' : PLACES[entry.kind]
}

/** What is at a path in a directory on the disk; links are not followed. */
export function placeOnDisk(top: string, [name, ...rest]: readonly string[]): Place {
  if (name === undefined) return 'directory'
  const status = lstatSync(join(top, name), { throwIfNoEntry: false })
  if (status?.isDirectory()) return placeOnDisk(join(top, name), rest)
  if (status?.isSymbolicLink()) return 'link'
  return status?.isFile() && rest.length === 0 ? 'file' : 'absent'
}
