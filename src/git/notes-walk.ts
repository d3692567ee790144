/**
 * Walks over all of a tree of notes, in bounded work: a few small trees, each of which names one
 * other 256 times, can stand for more paths than anybody could ever visit.
 */
import { FileError } from '../files/regular-file.ts'
import { type GitTreeEntry, parseGitTree } from '../formats/git-object.ts'
import type { OpenRepository } from './open-repository.ts'

/** Bytes of one tree of notes. */
const TREE_LIMIT = 32 * 1024 * 1024

/** What is visited at all: each entry as often as there is a path to it, and what is kept of it. */
const ENTRY_LIMIT = 1_000_000
const TREES_LIMIT = 256 * 1024 * 1024
const PATHS_LIMIT = 256 * 1024 * 1024

/** Where the objects of notes are read. */
export type NoteObjects = Pick<OpenRepository, 'directory' | 'objects'>

/** What is done on the way. Paths are byte strings, with slashes. */
export interface NotesVisitor {
  /** Whether the directory at this path is looked into. */
  enters(path: string): boolean
  /** Gets what is not a directory. */
  take(path: string, entry: GitTreeEntry): void
}

/** The entries of one tree of notes. Throws FileError if it is too large, and FormatError. */
export async function entriesOf({ objects }: NoteObjects, tree: string): Promise<readonly GitTreeEntry[]> {
  return parseGitTree(await bytesOf(objects, tree), tree.length / 2)
}

/**
 * Visits the entries of a tree and of the directories in it; each distinct tree is read once.
 * Throws FileError for too many entries or bytes, and for more directories above each other than an
 * id has bytes: no note needs them. Throws FormatError for a tree that cannot be read.
 */
export async function walkNotes(
  { objects }: NoteObjects,
  root: string,
  visitor: NotesVisitor,
): Promise<void> {
  const known = new Map<string, readonly GitTreeEntry[]>()
  const left = { entries: ENTRY_LIMIT, trees: TREES_LIMIT, paths: PATHS_LIMIT }
  const spend = (what: keyof typeof left, count: number, words: string) => {
    left[what] -= count
    if (left[what] < 0) throw new FileError(`the tree of notes ${root} has more than ${words}`)
  }
  const read = async (tree: string): Promise<readonly GitTreeEntry[]> => {
    const bytes = await bytesOf(objects, tree)
    spend('trees', bytes.length, `${TREES_LIMIT} bytes of directories`)
    const entries = parseGitTree(bytes, tree.length / 2)
    known.set(tree, entries)
    return entries
  }
  const most = root.length / 2
  const enter = (path: string, entries: readonly GitTreeEntry[]): void => {
    if (open.length > most) {
      throw new FileError(`the tree of notes ${root} has directories more than ${most} deep`)
    }
    spend('entries', entries.length, `${ENTRY_LIMIT} files and directories`)
    open.push({ path, entries: entries.values() })
  }
  // The directories that are under way, each inside the one before it.
  const open: { readonly path: string; readonly entries: Iterator<GitTreeEntry> }[] = []
  enter('', await read(root))
  for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
    const { value: entry, done } = top.entries.next()
    if (done) {
      open.pop()
      continue
    }
    const path = top.path + entry.name
    spend('paths', path.length, `${PATHS_LIMIT} bytes of paths`)
    if (entry.kind !== 'directory') visitor.take(path, entry)
    else if (visitor.enters(path)) enter(`${path}/`, known.get(entry.id) ?? (await read(entry.id)))
  }
}

/**
 * The object that a file of notes belongs to: its path is exactly the id (of so many digits), cut
 * after any number of pairs of digits. Undefined for any other path.
 */
export function objectOfPath(path: string, digits: number): string | undefined {
  if (path.length > 2 * digits || !/^(?:[0-9a-f]{2}\/)*[0-9a-f]+$/.test(path)) return undefined
  const object = path.replaceAll('/', '')
  return object.length === digits ? object : undefined
}

async function bytesOf(objects: NoteObjects['objects'], tree: string): Promise<Uint8Array> {
  const bytes = await objects.read(tree, 'tree')
  if (bytes.length > TREE_LIMIT) throw new FileError(`a directory of notes of more than ${TREE_LIMIT} bytes`)
  return bytes
}
