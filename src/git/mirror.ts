/**
 * Mirrors: bare repositories of our own, one for each URL, into which git fetches the commits that
 * are asked for, what is signed about them, and nothing else. They are a cache, and may be deleted;
 * before something is fetched, those that are too many are (mirrors-room.ts).
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { withLock } from '../files/lock.ts'
import { assertOwnedDirectory, protectedPath } from '../files/owned-file.ts'
import { FileError } from '../files/regular-file.ts'
import { printable } from '../primitives/printable.ts'
import { isRefName } from './all-refs.ts'
import { assertDetectsCollisions } from './collisions.ts'
import { freshOf, lockOf, makeRoomForMirrors, useMirror } from './mirrors-room.ts'
import { GIT_SIG_NOTES, NIXSIG_NOTES } from './notes.ts'
import { type OpenRepository, openOwnRepository } from './open-repository.ts'
import { type IdSize, idSizeOf, makeOwnRepository } from './own-repository.ts'
import { fetchCommitsInto, fetchInto, fetchNotesInto, isFetchable, listRemote } from './receive.ts'
import { UnresponsiveError } from './remote-git.ts'

/** Where people's signatures on commits are kept. */
const NOTES = [GIT_SIG_NOTES, NIXSIG_NOTES]

/** Sets the mirrors of histories, which have commits without their files, apart from the others. */
const HISTORY = ' history'

/** Tags of one commit, and notes, that are fetched: one call names them all. */
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
export async function mirrorCommit(parent: string, url: string, commit: string): Promise<OpenRepository> {
  const patterns = ['refs/tags/*', ...NOTES]
  const fill = async (directory: string, refs: Listed) => {
    const kept = `refs/nixsig/${commit}`
    const wanted = existsSync(join(directory, kept)) ? [] : [`+${commit}:${kept}`]
    const tags = [...refs].filter(([name, id]) => name.endsWith('^{}') && id === commit)
    const names = [...NOTES.filter(name => refs.has(name)), ...tags.map(([name]) => name.slice(0, -3))].slice(
      0,
      TAG_LIMIT,
    )
    const refspecs = [...wanted, ...names.filter(isRefName).map(name => `+${name}:${name}`)]
    if (refspecs.length > 0) await fetchInto(directory, url, refspecs)
  }
  const mirror = { url, use: '', idSize: idSizeOf(commit), patterns }
  const { repository } = await inMirror(parent, mirror, { fill, headOf: () => commit })
  return repository
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
  const name = branch === undefined ? 'HEAD' : `refs/heads/${branch}`
  const patterns = [name, 'refs/tags/*', ...NOTES]
  const headOf = (refs: Listed) => {
    const head = refs.get(name)
    if (head !== undefined) return head
    throw new FileError(`${printable(url)} has no branch ${printable(branch ?? name)}`)
  }
  const asTheyAre = (names: readonly string[]) => names.map(each => `+${each}:${each}`)
  const fill = async (directory: string, refs: Listed) => {
    await fetchCommitsInto(directory, url, [`+${name}:refs/nixsig/branch`], depth)
    const tags = [...refs.keys()].filter(each => refs.has(`${each}^{}`) && isRefName(each)).slice(-TAG_LIMIT)
    if (tags.length > 0) await fetchCommitsInto(directory, url, asTheyAre(tags), depth)
    const notes = NOTES.filter(each => refs.has(each))
    if (notes.length > 0) await fetchNotesInto(directory, url, asTheyAre(notes))
  }
  return inMirror(parent, { url, use: HISTORY, idSize: 20, patterns }, { fill, headOf })
}

/**
 * Fetches a commit with the last `depth` ones of its history into the mirror that mirrorBranch
 * opens for the URL. Throws FileError, also if the server does not have it.
 */
export function mirrorHistory(parent: string, url: string, commit: string, depth: number): Promise<void> {
  return withMirror(parent, { url, use: HISTORY, idSize: 20 }, ({ directory }) =>
    fetchCommitsInto(directory, url, [`+${commit}:refs/nixsig/locked`], depth),
  )
}

interface Mirror {
  readonly url: string
  readonly use: string
  readonly idSize: IdSize
}

/** Opens a mirror, in which this commit must be. Throws FileError. */
async function openWith(directory: string, commit: string): Promise<OpenRepository> {
  const repository = openOwnRepository(directory)
  try {
    await repository.objects.read(commit, 'commit')
    return repository
  } catch (error) {
    repository.close()
    throw error
  }
}

/** References of a server, by their names. */
type Listed = ReadonlyMap<string, string>

/** What is done in a mirror: `fill` fetches a commit, which `headOf` names. Both throw FileError. */
interface MirrorUse {
  fill(directory: string, refs: Listed): Promise<void>
  headOf(refs: Listed): string
}

/**
 * Lists references of the server, fills a mirror that no other process fetches into, and opens it.
 * If that fails, an empty one is filled, and takes the place of the other: a git that was killed
 * leaves locks, a full disk leaves objects out, and a reference can be in the way of one that the
 * server has now. If that fails as well, the old one stays.
 */
function inMirror(
  parent: string,
  mirror: Mirror & { readonly patterns: readonly string[] },
  { fill, headOf }: MirrorUse,
): Promise<MirroredBranch> {
  return withMirror(parent, mirror, async ({ directory, keep }) => {
    const fresh = freshOf(directory)
    rmSync(fresh, { recursive: true, force: true })
    makeOwnRepository(fresh, mirror.idSize)
    try {
      const refs = await listRemote(fresh, mirror.url, mirror.patterns)
      const head = headOf(refs)
      const open = async () => ({ repository: keep(await openWith(directory, head)), head })
      try {
        await fill(directory, refs)
        return await open()
      } catch (error) {
        if (!(error instanceof FileError) || error instanceof UnresponsiveError) throw error
        if (!(await isDone(() => fill(fresh, refs)))) throw error
        rmSync(directory, { recursive: true, force: true })
        renameSync(fresh, directory)
        return await open()
      }
    } finally {
      rmSync(fresh, { recursive: true, force: true })
    }
  })
}

async function isDone(action: () => Promise<void>): Promise<boolean> {
  try {
    await action()
    return true
  } catch (error) {
    if (error instanceof FileError) return false
    throw error
  }
}

/** A mirror that no other process fetches into. */
interface HeldMirror {
  readonly directory: string
  /** Returns the mirror's open repository as one that stays in use until it is closed. */
  keep(repository: OpenRepository): OpenRepository
}

/** Calls `action` with a mirror, which is made if it is missing. */
async function withMirror<T>(
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
    const keep = (repository: OpenRepository) => {
      isOpen = true
      return withRelease(repository, release)
    }
    try {
      await makeRoomForMirrors(protectedPath(parent))
      return await action({ directory, keep })
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
