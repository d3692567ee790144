import { statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { FileError } from '../files/regular-file.ts'
import { makeScratch, removeScratch } from '../files/scratch.ts'
import { OBJECT_ID } from '../formats/git-object-id.ts'
import { shownUrl } from '../http/shown-url.ts'
import { printable } from '../primitives/printable.ts'
import { assertDetectsCollisions } from './collisions.ts'
import { layoutOf } from './layout.ts'
import { OtherTypeError } from './objects.ts'
import { idSizeOf } from './own-repository.ts'
import { isFetchable, receiveFrom, receiveLocal } from './receive.ts'
import { assertTagName, idOfTag } from './refs.ts'
import type { GitRevision } from './signature.ts'

/**
 * A repository of our own that holds one revision: its directory, and the id of the tag or commit.
 */
export interface Received {
  readonly directory: string
  readonly id: string
}

/**
 * Calls `use` with one revision of a repository, which is a local directory or a URL. The revision
 * is copied into a private repository, which is removed afterwards. Throws FileError if the
 * repository or the revision is absent.
 */
export async function withRevision<T>(
  place: string,
  revision: GitRevision,
  use: (received: Received) => Promise<T>,
): Promise<T> {
  assertRevision(revision)
  const directory = makeScratch('git')
  try {
    const received = await receive(directory, place, revision)
    if (idSizeOf(received.id) === 20) await assertDetectsCollisions(directory)
    return await use(received)
  } catch (error) {
    const isLightweight = error instanceof OtherTypeError && error.found === 'commit' && 'tag' in revision
    throw isLightweight ? lightweight(place, revision.tag, error) : error
  } finally {
    removeScratch(directory)
  }
}

async function receive(directory: string, place: string, revision: GitRevision): Promise<Received> {
  const local = place.startsWith('file://') ? pathOf(place) : place
  if (statSync(local, { throwIfNoEntry: false })?.isDirectory()) {
    const layout = layoutOf(local)
    const type = 'tag' in revision ? 'tag' : 'commit'
    const id = 'tag' in revision ? idOfTag(layout.directory, revision.tag) : revision.commit
    return { directory: await receiveLocal(directory, layout, { id, type }), id }
  }
  if (!isFetchable(place)) {
    throw new FileError(`${printable(place)} is neither a directory nor the URL of a git repository`)
  }
  if ('commit' in revision) {
    const { commit } = revision
    const received = await receiveFrom(directory, place, { ref: commit, idSize: idSizeOf(commit) })
    return { directory: received, id: commit }
  }
  const ref = `refs/tags/${revision.tag}`
  const received = await receiveFrom(directory, place, { ref: `${ref}:${ref}`, idSize: 20 })
  return { directory: received, id: idOfTag(received, revision.tag) }
}

/** Of a tag without an object of its own: nobody can have signed it. */
function lightweight(place: string, tag: string, cause: Error): FileError {
  const [name, where] = [printable(tag), shownUrl(place)]
  const commit = `git -C REPOSITORY rev-parse ${name}`
  const next = `if the commit itself is signed, name it (${where}#COMMIT, as ${commit} prints it); otherwise ask for a tag made by git tag -s`
  return new FileError(
    `${name} is a lightweight tag, a name for a commit and nothing that can be signed, where a tag is needed that somebody signed; next: ${next}`,
    { cause },
  )
}

function assertRevision(revision: GitRevision): void {
  if ('tag' in revision) assertTagName(revision.tag)
  else if (!OBJECT_ID.test(revision.commit)) {
    throw new FileError(`${printable(revision.commit)} is not an object id`)
  }
}

function pathOf(url: string): string {
  try {
    return fileURLToPath(url)
  } catch {
    throw new FileError(`${printable(url)} is not the URL of a directory`)
  }
}
