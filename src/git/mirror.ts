/**
 * Mirrors: bare repositories of our own, one for each URL, into which git fetches the commits that
 * are asked for, what is signed about them, and nothing else. They are a cache, and may be deleted;
 * before something is fetched, those that are too many are (mirrors-room.ts).
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { withLock } from '../files/lock.ts'
import { assertOwnedDirectory, protectedPath } from '../files/owned-file.ts'
import { FileError } from '../files/regular-file.ts'
import { printable } from '../primitives/printable.ts'
import { isRefName } from './all-refs.ts'
import { assertDetectsCollisions } from './collisions.ts'
import { lockOf, makeRoomForMirrors, useMirror } from './mirrors-room.ts'
import { GIT_SIG_NOTES, NIXSIG_NOTES } from './notes.ts'
import { type OpenRepository, openOwnRepository } from './open-repository.ts'
import { type IdSize, idSizeOf, makeOwnRepository } from './own-repository.ts'
import { fetchCommitsInto, fetchInto, fetchNotesInto, isFetchable, listRemote } from './receive.ts'

/** Where people's signatures on commits are kept. */
const NOTES = [GIT_SIG_NOTES, NIXSIG_NOTES]

/** Sets the mirrors of histories, which have commits without their files, apart from the others. */
const HISTORY = ' history'

/** Tags of one commit that are fetched. */
const TAG_LIMIT = 1000

/** A mirror, and the commit that a branch has at the server. */
export interface MirroredBranch {
  readonly repository: OpenRepository
  readonly head: string
}

/**
 * Fetches a commit with its tree, the annotated tags on it and the notes of the repository, and
 * opens the mirror. `parent`: the directory of all mirrors, which nobody else can write to. Throws
 * FileError.
 */
export function mirrorCommit(parent: string, url: string, commit: string): Promise<OpenRepository> {
  return inMirror(parent, { url, use: '', idSize: idSizeOf(commit) }, async ({ directory, opened }) => {
    const refs = await listRemote(directory, url, ['refs/tags/*', ...NOTES])
    const kept = `refs/nixsig/${commit}`
    const wanted = existsSync(join(directory, kept)) ? [] : [`+${commit}:${kept}`]
    const tags = [...refs].filter(([name, id]) => name.endsWith('^{}') && id === commit)
    const names = [...NOTES.filter(name => refs.has(name)), ...tags.map(([name]) => name.slice(0, -3))]
    if (tags.length > TAG_LIMIT) throw new FileError(`more than ${TAG_LIMIT} tags of commit ${commit}`)
    const refspecs = [...wanted, ...names.filter(isRefName).map(name => `+${name}:${name}`)]
    if (refspecs.length > 0) await fetchInto(directory, url, refspecs)
    return opened()
  })
}

/**
 * Fetches the last `depth` commits of a branch, or of the branch that the server has checked out,
 * with all tags and notes, and opens the mirror. It has no files of the commits if the server can
 * leave them out. Throws FileError.
 */
export function mirrorBranch(
  parent: string,
  url: string,
  { branch, depth }: { readonly branch: string | undefined; readonly depth: number },
): Promise<MirroredBranch> {
  return inMirror(parent, { url, use: HISTORY, idSize: 20 }, async ({ directory, opened }) => {
    const name = branch === undefined ? 'HEAD' : `refs/heads/${branch}`
    const refs = await listRemote(directory, url, [name, 'refs/tags/*', ...NOTES])
    const head = refs.get(name)
    if (head === undefined)
      throw new FileError(`${printable(url)} has no branch ${printable(branch ?? name)}`)
    await fetchCommitsInto(directory, url, [`+${name}:refs/nixsig/branch`], depth)
    const tags = [...refs.keys()].filter(each => refs.has(`${each}^{}`) && isRefName(each)).slice(-TAG_LIMIT)
    const asTheyAre = (names: readonly string[]) => names.map(each => `+${each}:${each}`)
    if (tags.length > 0) await fetchCommitsInto(directory, url, asTheyAre(tags), depth)
    const notes = NOTES.filter(each => refs.has(each))
    if (notes.length > 0) await fetchNotesInto(directory, url, asTheyAre(notes))
    return { repository: opened(), head }
  })
}

/**
 * Fetches a commit with the last `depth` ones of its history into the mirror that mirrorBranch
 * opens for the URL. Throws FileError, also if the server does not have it.
 */
export function mirrorHistory(parent: string, url: string, commit: string, depth: number): Promise<void> {
  return inMirror(parent, { url, use: HISTORY, idSize: 20 }, ({ directory }) =>
    fetchCommitsInto(directory, url, [`+${commit}:refs/nixsig/locked`], depth),
  )
}

interface Mirror {
  readonly url: string
  readonly use: string
  readonly idSize: IdSize
}

/** A mirror that no other process fetches into. */
interface HeldMirror {
  readonly directory: string
  /** Opens it. It stays in use until that is closed, or this process ends. Throws FileError. */
  opened(): OpenRepository
}

/** Calls `action` with a mirror, which is made if it is missing. */
async function inMirror<T>(
  parent: string,
  { url, use, idSize }: Mirror,
  action: (mirror: HeldMirror) => Promise<T>,
): Promise<T> {
  if (!isFetchable(url)) throw new FileError(`${printable(url)} cannot be fetched from`)
  mkdirSync(parent, { recursive: true, mode: 0o700 })
  const name = createHash('sha256').update(`${url}${use} ${idSize}`).digest('hex').slice(0, 40)
  const directory = join(protectedPath(parent), name)
  assertOwnedDirectory(parent)
  return withLock(lockOf(directory), async () => {
    if (!existsSync(join(directory, 'config'))) {
      mkdirSync(directory, { recursive: true, mode: 0o700 })
      if (idSize === 20) await assertDetectsCollisions(directory)
      makeOwnRepository(directory, idSize)
    }
    assertOwnedDirectory(directory)
    const release = await useMirror(directory)
    let isOpen = false
    const opened = () => {
      const repository = openOwnRepository(directory)
      isOpen = true
      return withRelease(repository, release)
    }
    try {
      await makeRoomForMirrors(protectedPath(parent))
      return await action({ directory, opened })
    } finally {
      if (!isOpen) release()
    }
  })
}

function withRelease(repository: OpenRepository, release: () => void): OpenRepository {
  const close = () => {
    repository.close()
    release()
  }
  return { ...repository, close }
}
