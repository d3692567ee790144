/**
 * Notes as git keeps them (git-notes(1), notes.c): a commit whose tree has, for each annotated
 * object, a file that is called by the object's id, cut into directories of two digits at any of
 * its beginnings. Other files may lie beside them. Where several files belong to one object, all of
 * them are its note.
 */
import { FileError } from '../files/regular-file.ts'
import { type GitTreeEntry, parseGitCommit, parseGitTree } from '../formats/git-object.ts'
import { sizesOfType } from './object-sizes.ts'
import type { GitObjects } from './objects.ts'
import type { OpenRepository } from './open-repository.ts'

/** Bytes of one note. A signature has 200 to 2000. */
export const NOTE_LIMIT = 1024 * 1024

/** Bytes of a tree of notes, and how many objects may be annotated. */
const TREE_LIMIT = 32 * 1024 * 1024
const COUNT_LIMIT = 2_000_000

/** Where the objects of notes are read. */
export type NoteObjects = Pick<OpenRepository, 'directory' | 'objects'>

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
  const walk = async (id: string, prefix: string): Promise<void> => {
    for (const entry of await entriesOf(place, id)) {
      const name = prefix + entry.name
      const isHex = /^[0-9a-f]+$/.test(entry.name)
      if (isFile(entry.kind) && isHex && name.length === id.length) {
        found.set(name, [...(found.get(name) ?? []), entry.id])
        if (found.size > COUNT_LIMIT) throw new FileError(`notes of more than ${COUNT_LIMIT} objects`)
      } else if (entry.kind === 'directory' && isHex && entry.name.length === 2 && name.length < id.length) {
        await walk(entry.id, name)
      }
    }
  }
  await walk(tree, '')
  return found
}

/** The entries of a tree of notes. Throws FileError if it is too large. */
export async function entriesOf(place: NoteObjects, tree: string): Promise<readonly GitTreeEntry[]> {
  const bytes = await place.objects.read(tree, 'tree')
  if (bytes.length > TREE_LIMIT) throw new FileError(`a directory of notes of more than ${TREE_LIMIT} bytes`)
  return parseGitTree(bytes, tree.length / 2)
}

function isFile(kind: GitTreeEntry['kind']): boolean {
  return kind === 'file' || kind === 'executable'
}

async function readNote(objects: GitObjects, id: string, size: number | undefined): Promise<Note> {
  if (size === undefined) return { problem: `the file ${id} is not in the repository` }
  if (size > NOTE_LIMIT) return { problem: `${size} bytes, more than ${NOTE_LIMIT}` }
  return { bytes: await objects.read(id, 'blob') }
}
