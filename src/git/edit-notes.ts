/**
 * Adds to the notes of somebody's repository, without running git in it: objects and the reference
 * are written as git writes them. Writers at the same time lose nothing.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { FileError } from '../files/regular-file.ts'
import { printable } from '../primitives/printable.ts'
import { layoutOf } from './layout.ts'
import {
  includesNotes,
  mergedContents,
  type NotesContents,
  readNotesContents,
  writeNotesTree,
} from './notes-contents.ts'
import { type OpenRepository, openRepository } from './open-repository.ts'
import { runGit } from './run-git.ts'
import { updateRef } from './update-ref.ts'
import { type ObjectStore, writeObject } from './write-object.ts'

/** How often the reference is tried while others change it, and milliseconds between, at most. */
const TRIES = 60
const PAUSE_MS = 100

/** What a change of notes works on. */
export interface NotesEdit {
  readonly repository: OpenRepository
  readonly store: ObjectStore
  /** The notes as they are now. */
  readonly contents: NotesContents
}

/**
 * Changes the notes of a reference in a repository, which is a directory. `change` is called again
 * if somebody else changed them meanwhile; its result becomes a commit on top of theirs. `message`:
 * the one of this commit. Throws FileError if the reference stays locked.
 */
export async function editNotes(
  place: string,
  { ref, message }: { readonly ref: string; readonly message: string },
  change: (edit: NotesEdit) => Promise<NotesContents>,
): Promise<void> {
  await moveNotes(place, ref, async (repository, store, before) => {
    const contents = before === undefined ? new Map() : await readNotesContents(repository, before)
    const tree = await writeNotesTree(store, repository, await change({ repository, store, contents }))
    const parents = before === undefined ? [] : [before]
    return writeObject(store, 'commit', notesCommit({ tree, parents, message }))
  })
}

/**
 * Takes other notes in, whose commit `theirs` is in the repository already: without loss of what is
 * here, even if it was taken out there, and in the same way in whatever order. Returns whether that changed anything. Throws FileError and
 * FormatError.
 */
export async function joinNotes(place: string, ref: string, theirs: string): Promise<boolean> {
  let isChanged = false
  await moveNotes(place, ref, async (repository, store, ours) => {
    isChanged = false
    if (ours !== undefined && (await isAncestor(repository, theirs, ours))) return ours
    isChanged = true
    const others = await readNotesContents(repository, theirs)
    if (ours === undefined) return theirs
    const own = await readNotesContents(repository, ours)
    const isOnTop = await isAncestor(repository, ours, theirs)
    // What builds on our notes may have taken something out of them.
    if (isOnTop && (await includesNotes(repository, others, own))) return theirs
    const tree = await writeNotesTree(store, repository, mergedContents(own, others))
    const parents = isOnTop ? [theirs] : [ours, theirs]
    return writeObject(store, 'commit', notesCommit({ tree, parents, message: 'Merge notes' }))
  })
  return isChanged
}

/** Sets the reference to what `next` gives for its present value, until that succeeds. */
async function moveNotes(
  place: string,
  ref: string,
  next: (repository: OpenRepository, store: ObjectStore, before: string | undefined) => Promise<string>,
): Promise<void> {
  const { directory, objects } = layoutOf(place)
  for (let tries = 0; tries < TRIES; tries++) {
    if (tries > 0) await sleep(Math.random() * PAUSE_MS)
    const repository = openRepository(place)
    try {
      const store = { objects, idSize: repository.idSize }
      const before = repository.refs.get(ref)?.id
      const after = await next(repository, store, before)
      if (after === before || updateRef(directory, ref, { before, after })) return
    } finally {
      repository.close()
    }
  }
  throw new FileError(
    `${printable(ref)} of ${printable(place)} stays locked: if nobody is writing it, remove ${printable(ref)}.lock there`,
  )
}

/** Throws FileError if one of the commits is not here. */
async function isAncestor({ directory }: OpenRepository, old: string, recent: string): Promise<boolean> {
  const { status, complaint } = await runGit({ directory }, ['merge-base', '--is-ancestor', old, recent])
  if (status === 0 || status === 1) return status === 0
  throw new FileError(`cannot compare notes: ${printable(complaint, 300)}`)
}

/** The contents of a commit of notes, in nixsig's name: who signed what is in the notes. */
function notesCommit({
  tree,
  parents,
  message,
}: {
  readonly tree: string
  readonly parents: readonly string[]
  readonly message: string
}): Uint8Array {
  const who = `nixsig <nixsig@localhost> ${Math.floor(Date.now() / 1000)} +0000`
  const lines = [
    `tree ${tree}`,
    ...parents.map(id => `parent ${id}`),
    `author ${who}`,
    `committer ${who}`,
    '',
    message,
  ]
  return Buffer.from(`${lines.join('\n')}\n`, 'utf8')
}
