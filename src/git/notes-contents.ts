/** All of a reference of notes, for merging and writing: notes are sets of lines. */
import { FileError } from '../files/regular-file.ts'
import { boundedUnion, linesOf } from '../formats/note-lines.ts'
import { NOTE_LIMIT, notesTree } from './notes.ts'
import { type NoteObjects, objectOfPath, walkNotes } from './notes-walk.ts'
import { sizesOfType } from './object-sizes.ts'
import { makeTree, type TreeFile } from './tree-text.ts'
import { type ObjectStore, writeObject } from './write-object.ts'

/** Bytes of a note of which lines are taken over. */
const MERGE_LIMIT = 16 * 1024 * 1024

/** Files of all notes. A merge of more is not made in memory. */
const COUNT_LIMIT = 500_000

/**
 * The files by their paths: of notes, two digits of the object's id, `/` and the others; what lies
 * beside them at its own path. Where a path has several ids, the lines of all of them belong there.
 */
export type NotesContents = ReadonlyMap<string, readonly TreeFile[]>

/** Reads the contents below a commit of notes. Throws FileError and FormatError. */
export async function readNotesContents(place: NoteObjects, commit: string): Promise<NotesContents> {
  const found = new Map<string, TreeFile[]>()
  await walkNotes(place, await notesTree(place, commit), {
    enters: () => true,
    take: (path, { kind, id }) => {
      if (kind !== 'directory') add(found, canonicalPath(path, id.length), { kind, id })
      if (found.size > COUNT_LIMIT) throw new FileError(`more than ${COUNT_LIMIT} notes`)
    },
  })
  return found
}

/**
 * The contents of both: commutative, associative, and without loss, unless a note becomes too large:
 * then the lines of `some` are kept first.
 */
export function mergedContents(some: NotesContents, others: NotesContents): NotesContents {
  const merged = new Map<string, TreeFile[]>()
  for (const contents of [some, others]) {
    for (const [path, files] of contents) for (const file of files) add(merged, path, file)
  }
  return merged
}

/**
 * Whether all files of some contents are among those of others, at their paths and as they are, or
 * as lines of another file there. Throws FileError.
 */
export async function includesNotes(
  place: NoteObjects,
  others: NotesContents,
  some: NotesContents,
): Promise<boolean> {
  const linesAt = async (id: string) => linesOf(await place.objects.read(id, 'blob'))
  for (const [path, files] of some) {
    const there = others.get(path) ?? []
    for (const { id, kind } of files.filter(file => !there.some(each => each.id === file.id))) {
      const ids = [id, ...there.map(each => each.id)]
      const sizes = await sizesOfType(place.directory, 'blob', ids)
      if (kind === 'submodule' || ids.some(each => (sizes.get(each) ?? Infinity) > MERGE_LIMIT)) return false
      const lines = new Set<string>()
      for (const each of there) for (const line of await linesAt(each.id)) lines.add(line)
      if ((await linesAt(id)).some(line => !lines.has(line))) return false
    }
  }
  return true
}

/** Where the note of an object is kept. */
export function notePath(object: string): string {
  return `${object.slice(0, 2)}/${object.slice(2)}`
}

/** Writes the tree of some contents, and returns its id. Throws FileError. */
export async function writeNotesTree(
  store: ObjectStore,
  place: NoteObjects,
  contents: NotesContents,
): Promise<string> {
  const files = new Map<string, TreeFile>()
  for (const [path, versions] of contents) {
    const [first, another] = versions
    if (another !== undefined) files.set(path, await combined(store, place, versions, []))
    else if (first !== undefined) files.set(path, first)
  }
  return makeTree(files, bytes => writeObject(store, 'tree', bytes))
}

/** Contents with more lines in the note at a path. */
export async function withLines(
  store: ObjectStore,
  place: NoteObjects,
  contents: NotesContents,
  { path, lines }: { readonly path: string; readonly lines: Uint8Array },
): Promise<NotesContents> {
  const file = await combined(store, place, contents.get(path) ?? [], [lines])
  return new Map([...contents, [path, [file]]])
}

/**
 * One file with the lines of all. Of what is not a file, such as a submodule, one stays. If they
 * are more than a note may have, the lines in `more` and those of the first versions are kept
 * first: what others wrote cannot drown one's own.
 */
async function combined(
  store: ObjectStore,
  place: NoteObjects,
  versions: readonly TreeFile[],
  more: readonly Uint8Array[],
): Promise<TreeFile> {
  const ids = versions.filter(({ kind }) => kind !== 'submodule').map(({ id }) => id)
  const [first] = [...versions].sort((a, b) => (a.id < b.id ? -1 : 1))
  if (first !== undefined && ids.length + more.length < 2) return first
  const sizes = await sizesOfType(place.directory, 'blob', ids)
  const texts = [...more]
  for (const id of ids) {
    if ((sizes.get(id) ?? 0) <= MERGE_LIMIT) texts.push(await place.objects.read(id, 'blob'))
  }
  return { kind: 'file', id: writeObject(store, 'blob', boundedUnion(texts, NOTE_LIMIT)) }
}

/** Notes are found at whatever depth of directories; all have one here. */
function canonicalPath(path: string, digits: number): string {
  const object = objectOfPath(path, digits)
  return object === undefined ? path : notePath(object)
}

function add(contents: Map<string, TreeFile[]>, path: string, file: TreeFile): void {
  const files = contents.get(path) ?? []
  if (!files.some(({ id, kind }) => id === file.id && kind === file.kind))
    contents.set(path, [...files, file])
}
