/** The directories of a git tree, without the contents of its files. */
import { FileError } from '../files/regular-file.ts'
import { type GitTreeEntry, parseGitTree } from '../formats/git-object.ts'
import { NAR_DEPTH_LIMIT } from '../formats/nix/nar.ts'
import { printable } from '../primitives/printable.ts'
import type { GitObjects } from './objects.ts'

/** Files and directories of one tree, and submodules. */
const COUNT_LIMIT = 1_000_000
const SUBMODULE_LIMIT = 100

/** How a tree is checked out. Without any of these, it is checked out as it is. */
export interface Checkout {
  /**
   * What stands in the place of a submodule, whose files are in another repository: an empty
   * directory, as git makes it, or the tree that the function finds. By default it is refused.
   */
  readonly submodules?: 'empty' | ((path: string, commit: string) => Promise<Submodule>)
  /** Whether the entry at this path, a byte string, is left out. */
  readonly leavesOut?: (path: string, isDirectory: boolean) => boolean
  /** Whether directories are left out that have nothing left in them. */
  readonly prunes?: boolean
  /** What a file at this path has in it when it is checked out. */
  readonly convert?: (path: string, contents: Uint8Array) => Uint8Array
}

/** The tree of a submodule, and the open repository in which it is. */
export interface Submodule {
  readonly objects: GitObjects
  readonly tree: string
}

/** A directory, its entries sorted by the bytes of their names. */
export interface Directory {
  readonly objects: GitObjects
  readonly entries: readonly TreeEntry[]
}

/** A file or a symbolic link. Names and paths are byte strings. */
export interface Leaf {
  readonly kind: 'file' | 'executable' | 'symlink'
  readonly objects: GitObjects
  readonly name: string
  readonly path: string
  readonly id: string
}

export type TreeEntry =
  | Leaf
  | { readonly kind: 'directory'; readonly name: string; readonly directory: Directory }

/**
 * Reads all directories of a tree, the files in one directory side by side. Throws FileError as
 * narHashOfGitTree does.
 */
export function readDirectories(objects: GitObjects, tree: string, checkout: Checkout): Promise<Directory> {
  const walk = { checkout, files: COUNT_LIMIT, submodules: SUBMODULE_LIMIT }
  return readDirectory(walk, { objects, id: tree, path: '', depth: 0 })
}

interface Walk {
  readonly checkout: Checkout
  files: number
  submodules: number
}

interface Place {
  readonly objects: GitObjects
  readonly id: string
  /** Empty, or ends in a slash. */
  readonly path: string
  readonly depth: number
}

async function readDirectory(walk: Walk, { objects, id, path, depth }: Place): Promise<Directory> {
  if (depth >= NAR_DEPTH_LIMIT) throw new FileError('git: directories too deep')
  const entries = parseGitTree(await objects.read(id, 'tree'), id.length / 2)
  walk.files -= entries.length
  if (walk.files < 0) throw new FileError(`git: more than ${COUNT_LIMIT} files`)
  const { leavesOut = () => false, prunes = false } = walk.checkout
  const kept = entries.filter(({ name, kind }) => !leavesOut(path + name, kind === 'directory'))
  // Git sorts a directory as `name/`; a NAR sorts by the bytes of the names.
  const sorted = kept.sort((a, b) => (a.name < b.name ? -1 : 1))
  const read = await Promise.all(sorted.map(entry => readEntry(walk, entry, { objects, path, depth })))
  const isKept = (entry: TreeEntry, index: number) =>
    entry.kind !== 'directory' || entry.directory.entries.length > 0 || sorted[index]?.kind === 'submodule'
  return { objects, entries: prunes ? read.filter(isKept) : read }
}

async function readEntry(
  walk: Walk,
  { name, kind, id }: GitTreeEntry,
  { objects, path, depth }: Omit<Place, 'id'>,
): Promise<TreeEntry> {
  const inside = { path: `${path}${name}/`, depth: depth + 1 }
  switch (kind) {
    case 'directory':
      return { kind, name, directory: await readDirectory(walk, { objects, id, ...inside }) }
    case 'submodule':
      return { kind: 'directory', name, directory: await readSubmodule(walk, { objects, id, ...inside }) }
    default:
      return { kind, name, objects, id, path: path + name }
  }
}

async function readSubmodule(walk: Walk, place: Place): Promise<Directory> {
  const { submodules } = walk.checkout
  const path = place.path.slice(0, -1)
  if (submodules === 'empty') return { objects: place.objects, entries: [] }
  if (submodules === undefined) {
    throw new FileError(`git: ${printable(path)} is a submodule, whose files this repository does not have`)
  }
  if (--walk.submodules < 0) throw new FileError(`git: more than ${SUBMODULE_LIMIT} submodules`)
  const { objects, tree } = await submodules(path, place.id)
  return readDirectory(walk, { ...place, objects, id: tree })
}
