/**
 * Exchanges notes with another repository: a URL, or a directory of this machine. Notes that meet
 * are merged on both sides. No git runs with the configuration of either.
 */
import { FileError } from '../files/regular-file.ts'
import { OBJECT_ID } from '../formats/git-object-id.ts'
import { printable } from '../primitives/printable.ts'
import { refsBelow, writePackedRefs } from './all-refs.ts'
import { copyPack } from './copy-pack.ts'
import { joinNotes } from './edit-notes.ts'
import { gitOutput } from './git-output.ts'
import { keepPacks } from './keep-packs.ts'
import { layoutOf } from './layout.ts'
import { sizesOfType } from './object-sizes.ts'
import { type OpenRepository, openRepository } from './open-repository.ts'
import { fetchInto, listRemote } from './receive.ts'
import type { Remote } from './remote.ts'
import { runRemote } from './remote-git.ts'

/** How often notes are pushed while others push as well. */
const PUSH_TRIES = 10

/** What became of a reference of notes: nothing was there, nothing was new, or something was. */
export type Exchanged = 'absent' | 'unchanged' | 'changed'

/** Brings the notes of another repository into the one in this directory. Throws FileError. */
export async function fetchNotes(place: string, remote: Remote, ref: string): Promise<Exchanged> {
  const theirs =
    'directory' in remote ? await bring(remote.directory, place, ref) : await download(remote, place, ref)
  if (theirs === undefined) return 'absent'
  return (await joinNotes(place, ref, theirs)) ? 'changed' : 'unchanged'
}

/**
 * Merges the notes of both repositories, and gives the other one all of them. Throws FileError,
 * also if others change the notes there all the time.
 */
export async function pushNotes(place: string, remote: Remote, ref: string): Promise<Exchanged> {
  for (let tries = 0; tries < PUSH_TRIES; tries++) {
    await fetchNotes(place, remote, ref)
    if ('directory' in remote) return fetchNotes(remote.directory, { directory: place }, ref)
    const pushed = await upload(remote, place, ref)
    if (pushed !== 'rejected') return pushed
  }
  throw new FileError(`${printable(ref)} changes there all the time: try again`)
}

/** Copies the notes of one directory's repository into another's. Returns their commit. */
async function bring(from: string, to: string, ref: string): Promise<string | undefined> {
  const [source, target] = [openRepository(from), openRepository(to)]
  try {
    const theirs = source.refs.get(ref)?.id
    const ours = target.refs.get(ref)?.id
    if (theirs === undefined || (await has(target, theirs))) return theirs
    const known = ours !== undefined && (await has(source, ours)) ? [`^${ours}`] : []
    const places = { from: source.directory, to: target.directory }
    const input = [...known, theirs].map(line => `${line}\n`).join('')
    const complaint = await copyPack(places, ['--revs'], input)
    if (complaint !== undefined) {
      throw new FileError(`cannot read the notes of ${source.title}: ${printable(complaint, 300)}`)
    }
    keepPacks(target.directory, layoutOf(to).directory)
    return theirs
  } finally {
    source.close()
    target.close()
  }
}

async function has({ directory }: OpenRepository, commit: string): Promise<boolean> {
  return (await sizesOfType(directory, 'commit', [commit])).has(commit)
}

/** Fetches notes from a URL. Returns their commit. */
async function download(
  { url }: { readonly url: string },
  to: string,
  ref: string,
): Promise<string | undefined> {
  const target = openRepository(to)
  try {
    const { directory } = target
    onlyNotes(target)
    const theirs = await idAt(directory, url, ref)
    if (theirs === undefined || (await has(target, theirs))) return theirs
    await fetchInto(directory, url, [`+${ref}:refs/theirs`], 'all')
    const fetched = await gitOutput({ directory }, ['rev-parse', '--verify', 'refs/theirs'])
    keepPacks(target.directory, layoutOf(to).directory)
    return fetched.output.toString('latin1').trim()
  } finally {
    target.close()
  }
}

async function upload(
  { url }: { readonly url: string },
  from: string,
  ref: string,
): Promise<Exchanged | 'rejected'> {
  const source = openRepository(from)
  try {
    const { directory } = source
    const ours = source.refs.get(ref)?.id
    if (ours === undefined) return 'absent'
    onlyNotes(source)
    const theirs = await idAt(directory, url, ref)
    if (theirs === ours) return 'unchanged'
    const args = ['push', '--progress', '--no-verify', '--end-of-options', url, `${ours}:${ref}`]
    const { status, complaint } = await runRemote({ directory, url, args })
    if (status === 0) return 'changed'
    if (/non-fast-forward|fetch first|cannot lock ref|failed to update ref/.test(complaint)) return 'rejected'
    throw new FileError(`cannot push to ${printable(url)}: ${printable(complaint, 300)}`)
  } finally {
    source.close()
  }
}

/** The id of a reference at a URL; undefined if it is not there. */
async function idAt(directory: string, url: string, ref: string): Promise<string | undefined> {
  const id = (await listRemote(directory, url, [ref])).get(ref)
  return id !== undefined && OBJECT_ID.test(id) ? id : undefined
}

/** Leaves the view with its notes alone: nobody is offered anything else. */
function onlyNotes({ directory, refs }: OpenRepository): void {
  writePackedRefs(directory, refsBelow(refs, 'refs/notes/'))
}
