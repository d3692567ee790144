/** The directories of a git tree, without the contents of its files. */
import { FileError } from '../files/regular-file.ts'
import { type GitTreeEntry, parseGitTree } from '../formats/git-object.ts'
import { NAR_DEPTH_LIMIT } from '../formats/nix/nar.ts'
import { printable } from '../primitives/printable.ts'
import type { GitObjects } from './objects.ts'

/** Files and directories of one tree, and submodules. */
const COUNT_LIMIT = 1_000_000
const SUBMODULE_LIMIT = 100

/** Bytes of all distinct trees: more than a million entries have. */
const TREES_LIMIT = 512 * 1024 * 1024

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

/**
 * A directory. Its entries are parsed again whenever they are needed: as objects, those of a large
 * tree would take many times the memory.
 */
export interface Directory {
  readonly objects: GitObjects
  /** The tree object; empty for a submodule that is an empty directory. */
  readonly bytes: Uint8Array
  readonly idSize: number
  /** Empty, or ends in a slash. */
  readonly path: string
  /** The directories in it, submodules included, by their names. */
  readonly inner: ReadonlyMap<string, Directory>
}

/** A file or a symbolic link. Names and paths are byte strings. */
export interface Leaf {
  readonly kind: 'file' | 'executable' | 'symlink'
  readonly objects: GitObjects
  readonly path: string
  readonly id: string
}

/** An entry: a file, or a directory. */
export interface TreeEntry {
  readonly name: string
  readonly node: Leaf | Directory
}

/** The entries of a directory that are checked out, sorted by the bytes of their names. */
export function* entriesOf(directory: Directory, checkout: Checkout): Generator<TreeEntry> {
  const { objects, path, inner } = directory
  for (const { name, kind, id } of keptIn(directory, checkout)) {
    const below = inner.get(name)
    if (kind === 'directory' || kind === 'submodule') {
      if (below !== undefined && !(checkout.prunes && isBare(below, checkout))) yield { name, node: below }
    } else yield { name, node: { kind, objects, id, path: path + name } }
  }
}

/** Git sorts a directory as `name/`; a NAR sorts by the bytes of the names. */
function keptIn(
  { bytes, idSize, path }: Pick<Directory, 'bytes' | 'idSize' | 'path'>,
  checkout: Checkout,
): readonly GitTreeEntry[] {
  return keptOf(parseGitTree(bytes, idSize), path, checkout)
}

function keptOf(
  entries: readonly GitTreeEntry[],
  path: string,
  { leavesOut }: Checkout,
): readonly GitTreeEntry[] {
  const kept =
    leavesOut === undefined
      ? [...entries]
      : entries.filter(({ name, kind }) => !leavesOut(path + name, kind === 'directory'))
  return kept.sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** Whether a directory has nothing in it but such directories. An empty submodule is not one. */
function isBare(directory: Directory, checkout: Checkout): boolean {
  if (directory.bytes.length === 0) return false
  return keptIn(directory, checkout).every(({ name, kind }) => {
    const below = directory.inner.get(name)
    return kind === 'directory' && (below === undefined || isBare(below, checkout))
  })
}

interface Walk {
  readonly checkout: Checkout
  /** Tree objects by their ids, each kept once, however many directories it stands for. */
  readonly trees: Map<string, Uint8Array>
  files: number
  bytes: number
  submodules: number
}

/** A directory whose tree object is not read yet. */
interface Unread {
  readonly objects: GitObjects
  readonly id: string
  readonly path: string
  /** Puts it where it belongs. */
  readonly place: (directory: Directory) => void
}

/** With fewer directories in a level, one git after another costs more than it saves. */
const MANY = 50

/** Reads all directories of a tree, one level after the other. Throws as narHashOfGitTree does. */
export async function readDirectories(
  objects: GitObjects,
  tree: string,
  checkout: Checkout,
): Promise<Directory> {
  const walk = {
    checkout,
    trees: new Map(),
    files: COUNT_LIMIT,
    bytes: TREES_LIMIT,
    submodules: SUBMODULE_LIMIT,
  }
  const found: Directory[] = []
  let level: readonly Unread[] = [{ objects, id: tree, path: '', place: root => found.push(root) }]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth >= NAR_DEPTH_LIMIT) throw new FileError('git: directories too deep')
    const below: Unread[] = []
    for (const repository of new Set(level.map(each => each.objects))) {
      const group = level.filter(each => each.objects === repository)
      await readLevel(walk, group, below)
    }
    level = below
  }
  const [root] = found
  if (root === undefined) throw new FileError('git: a tree without a root')
  return root
}

/** Reads directories of one repository, and adds those in them to `below`. */
async function readLevel(walk: Walk, level: readonly Unread[], below: Unread[]): Promise<void> {
  const [first] = level
  if (first === undefined) return
  await readTrees(walk, first.objects, [...new Set(level.map(({ id }) => id))])
  for (const each of level) for (const unread of await open(walk, each)) below.push(unread)
}

/** Reads trees that are not known yet. */
async function readTrees(walk: Walk, objects: GitObjects, all: readonly string[]): Promise<void> {
  const ids = all.filter(id => !walk.trees.has(id))
  if (ids.length < MANY) {
    for (const id of ids) keep(walk, id, await objects.read(id, 'tree'))
    return
  }
  let index = 0
  for await (const bytes of objects.stream(ids, 'tree')) keep(walk, ids[index++] ?? '', bytes)
}

function keep(walk: Walk, id: string, bytes: Uint8Array): void {
  walk.bytes -= bytes.length
  if (walk.bytes < 0) throw new FileError(`git: directories of more than ${TREES_LIMIT} bytes`)
  // What is read lies in memory for many objects: a copy holds no more than its own.
  walk.trees.set(id, Uint8Array.from(bytes))
}

/** What is in a directory and has to be read next. */
async function open(walk: Walk, { objects, id, path, place }: Unread): Promise<readonly Unread[]> {
  const bytes = walk.trees.get(id) ?? new Uint8Array()
  const idSize = id.length / 2
  const entries = parseGitTree(bytes, idSize)
  // What is left out counts as well: it has to be looked at.
  walk.files -= entries.length
  if (walk.files < 0) throw new FileError(`git: more than ${COUNT_LIMIT} files and directories`)
  const kept = keptOf(entries, path, walk.checkout)
  const inner = new Map<string, Directory>()
  const unread: Unread[] = []
  for (const { name, kind, id: entry } of kept) {
    const at = { path: `${path}${name}/`, place: (each: Directory) => inner.set(name, each) }
    if (kind === 'directory') unread.push({ objects, id: entry, ...at })
    if (kind !== 'submodule') continue
    const submodule = await submoduleAt(walk, path + name, entry)
    if (submodule === undefined) {
      inner.set(name, { objects, bytes: new Uint8Array(), idSize, path: at.path, inner: NOTHING })
    } else unread.push({ objects: submodule.objects, id: submodule.tree, ...at })
  }
  place({ objects, bytes, idSize, path, inner: unread.length + inner.size === 0 ? NOTHING : inner })
  return unread
}

const NOTHING: ReadonlyMap<string, Directory> = new Map()

/** The tree of a submodule; undefined if it is to be empty. */
async function submoduleAt(walk: Walk, path: string, commit: string): Promise<Submodule | undefined> {
  const { submodules } = walk.checkout
  if (submodules === 'empty') return undefined
  if (submodules === undefined) {
    throw new FileError(`git: ${printable(path)} is a submodule, whose files this repository does not have`)
  }
  if (--walk.submodules < 0) throw new FileError(`git: more than ${SUBMODULE_LIMIT} submodules`)
  return submodules(path, commit)
}
