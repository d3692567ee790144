/**
 * Notes as git keeps them (git-notes(1), notes.c): a commit whose tree has, for each annotated
 * object, a file that is called by the object's id, cut into directories of two digits at any of
 * its beginnings. Other files may lie beside them. Where several files belong to one object, all of
 * them are its note.
 */
import { type GitTreeEntry, parseGitCommit } from '../formats/git-object.ts'
import { entriesOf, type NoteObjects, objectOfPath, walkNotes } from './notes-walk.ts'
import { sizesOfType } from './object-sizes.ts'
import type { GitObjects } from './objects.ts'

/** Where git-sig keeps its notes, and where nixsig keeps its own. */
export const GIT_SIG_NOTES = 'refs/notes/signatures'
export const NIXSIG_NOTES = 'refs/notes/nixsig'

/** Bytes of one note. A signature has 200 to 2000. */
export const NOTE_LIMIT = 1024 * 1024

/** A note, or why it is not read. */
export type Note = { readonly bytes: Uint8Array } | { readonly problem: string }

/** The id of the root tree of the notes below a commit. */
export async function notesTree({ objects }: NoteObjects, id: string): Promise<string> {
  return parseGitCommit(await objects.read(id, 'commit')).tree
}

/** The note of an object, in pieces if it is in several files. Throws FileError and FormatError. */
export async function notesOf(place: NoteObjects, tree: string, object: string): Promise<readonly Note[]> {
  const ids: string[] = []
  let trees = [tree]
  for (let at = 0; trees.length > 0; at += 2) {
    const below: string[] = []
    for (const each of trees) {
      for (const { name, kind, id } of await entriesOf(place, each)) {
        if (isFile(kind) && name === object.slice(at)) ids.push(id)
        if (kind === 'directory' && name === object.slice(at, at + 2)) below.push(id)
      }
    }
    trees = below
  }
  const distinct = [...new Set(ids)]
  const sizes = await sizesOfType(place.directory, 'blob', distinct)
  const notes: Note[] = []
  for (const id of distinct) notes.push(await readNote(place.objects, id, sizes.get(id)))
  return notes
}

/** The files of notes by the objects that they annotate. Throws FileError and FormatError. */
export async function allNotes(
  place: NoteObjects,
  tree: string,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const found = new Map<string, string[]>()
  await walkNotes(place, tree, {
    enters: path => path.length < 2 * tree.length && /^(?:[0-9a-f]{2}\/)*[0-9a-f]{2}$/.test(path),
    take: (path, { kind, id }) => {
      const object = isFile(kind) ? objectOfPath(path, tree.length) : undefined
      if (object !== undefined) found.set(object, [...(found.get(object) ?? []), id])
    },
  })
  return found
}

function isFile(kind: GitTreeEntry['kind']): boolean {
  return kind === 'file' || kind === 'executable'
}

async function readNote(objects: GitObjects, id: string, size: number | undefined): Promise<Note> {
  if (size === undefined) return { problem: `the file ${id} is not in the repository` }
  if (size > NOTE_LIMIT) return { problem: `${size} bytes, more than ${NOTE_LIMIT}` }
  return { bytes: await objects.read(id, 'blob') }
}
