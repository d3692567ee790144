/** All of a reference of notes, for merging and writing: notes are sets of lines. */
import { FileError } from '../files/regular-file.ts'
import { unionOfLines } from '../formats/note-lines.ts'
import { NOTE_LIMIT, notesTree } from './notes.ts'
import { type NoteObjects, objectOfPath, walkNotes } from './notes-walk.ts'
import { sizesOfType } from './object-sizes.ts'
import { makeTree, type TreeFile } from './tree-text.ts'
import { type ObjectStore, writeObject } from './write-object.ts'

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

/** The contents of both: commutative, associative, and without loss. */
export function mergedContents(some: NotesContents, others: NotesContents): NotesContents {
  const merged = new Map<string, TreeFile[]>()
  for (const contents of [some, others]) {
    for (const [path, files] of contents) for (const file of files) add(merged, path, file)
  }
  return merged
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

/** One file with the lines of all. Of what is not a file, such as a submodule, one stays. */
async function combined(
  store: ObjectStore,
  place: NoteObjects,
  versions: readonly TreeFile[],
  more: readonly Uint8Array[],
): Promise<TreeFile> {
  const sorted = [...versions].sort((a, b) => (a.id < b.id ? -1 : 1))
  const ids = sorted.filter(({ kind }) => kind !== 'submodule').map(({ id }) => id)
  const [first] = sorted
  if (first !== undefined && ids.length + more.length < 2) return first
  const sizes = await sizesOfType(place.directory, 'blob', ids)
  const texts = [...more]
  for (const id of ids) {
    if ((sizes.get(id) ?? 0) > NOTE_LIMIT) throw tooLarge()
    texts.push(await place.objects.read(id, 'blob'))
  }
  const text = unionOfLines(texts)
  if (text.length > NOTE_LIMIT) throw tooLarge()
  return { kind: 'file', id: writeObject(store, 'blob', text) }
}

function tooLarge(): FileError {
  return new FileError(`a note has more than ${NOTE_LIMIT} bytes, and cannot be merged or added to`)
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
