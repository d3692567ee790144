import { mkdirSync, renameSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { deadlineSignal } from '../files/deadline.ts'
import { FileError } from '../files/regular-file.ts'
import { toHex } from '../primitives/hex.ts'
import { printable } from '../primitives/printable.ts'
import { randomBytes } from '../primitives/sodium.ts'
import { narHashOfTree } from '../store/disk-tree-nar.ts'
import { inWritableStore, succeed } from '../store/writable-store.ts'
import { type Aside, chunks, exists, removeFromStore } from './set-aside.ts'

/** Where copies lie until they are complete, in the directory of all entries. */
const PARTIAL = 'partial'

/**
 * A path that leaves the store, and the directory of the entry that keeps it; undefined if it is
 * not kept.
 */
export interface Leaving {
  readonly path: string
  readonly directory: string | undefined
}

/** A path that left the store and is not kept. */
export interface Lost {
  readonly path: string
  /** Why it could not be kept, escaped. */
  readonly why: string
}

/**
 * Moves paths out of the store together, each into `<directory>/content`. May be killed at any
 * point and called again: nothing leaves the store before the quarantine has all of it. The
 * exception is what the quarantine cannot keep, because there is no room or copying takes more than
 * `patience` milliseconds: that is moved `aside` and returned. Works across file systems, and if
 * the store is mounted read-only.
 */
export async function takeOut(
  leaving: readonly Leaving[],
  aside: Aside,
  patience: number,
): Promise<readonly Lost[]> {
  const kept = leaving.flatMap(({ path, directory }) =>
    directory === undefined ? [] : [{ path, directory }],
  )
  const missing = kept.filter(({ path, directory }) => exists(path) && !exists(contentIn(directory)))
  const { lost, elsewhere } = moveAll(missing)
  lost.push(...(await copyAll(elsewhere, patience)))
  await aside.take(leaving.map(({ path }) => path))
  return lost
}

/** Where an entry keeps the path that was taken out. */
function contentIn(directory: string): string {
  return join(directory, 'content')
}

interface Kept extends Leaving {
  readonly directory: string
}

/**
 * Renames paths into their entries. A path on another file system than the quarantine, or in a
 * read-only store, has to be copied and is returned in `elsewhere`.
 */
function moveAll(leaving: readonly Kept[]): { readonly lost: Lost[]; readonly elsewhere: readonly Kept[] } {
  const lost: Lost[] = []
  const elsewhere: Kept[] = []
  for (const one of leaving) {
    try {
      renameSync(one.path, contentIn(one.directory))
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'EXDEV' || code === 'EROFS') elsewhere.push(one)
      // A path that is gone was moved by another entry for it.
      else if (exists(one.path)) lost.push({ path: one.path, why: why(error) })
    }
  }
  return { lost, elsewhere }
}

/**
 * Copies all paths at once. If that fails, copies them one by one, so that one that does not fit
 * takes no other along.
 */
async function copyAll(leaving: readonly Kept[], patience: number): Promise<readonly Lost[]> {
  const end = performance.now() + patience
  const lost: Lost[] = []
  for (const some of chunks(leaving)) {
    if ((await copied(some, end)) === undefined) continue
    for (const one of some) {
      const problem = await copied([one], end)
      if (problem !== undefined) lost.push({ path: one.path, why: problem })
    }
  }
  return lost
}

/**
 * Copies paths into their entries until `end`. Returns why not all could be copied; undefined if
 * they were.
 */
async function copied(leaving: readonly Kept[], end: number): Promise<string | undefined> {
  const [first] = leaving
  if (first === undefined) return undefined
  const quarantine = dirname(first.directory)
  // A name of its own: a killed process may have left a program behind that still writes to another
  // one.
  const partial = join(quarantine, PARTIAL, toHex(randomBytes(16)))
  try {
    if (performance.now() >= end) throw new FileError('copying it would take too long')
    discardPartial(quarantine)
    mkdirSync(partial, { recursive: true, mode: 0o700 })
    const paths = leaving.map(({ path }) => path)
    await succeed('cp', ['--archive', '--', ...paths, partial], end - performance.now())
    await succeed('sync', ['--file-system', partial], Math.max(1, end - performance.now())).catch(
      () => undefined,
    )
    for (const { path, directory } of leaving) renameSync(join(partial, basename(path)), contentIn(directory))
    discardPartial(quarantine)
    return undefined
  } catch (error) {
    const signal = deadlineSignal()
    // If the judgement's time is up, nothing is taken from the store either: the next hook goes on.
    if (signal?.aborted) throw signal.reason
    return why(error)
  }
}

/** Removes unfinished copies from the directory of all entries. Throws the file system's errors. */
export function discardPartial(quarantine: string): void {
  rmSync(join(quarantine, PARTIAL), { recursive: true, force: true })
}

/** Describes an error for people; escaped. */
export function why(error: unknown): string {
  return printable(error instanceof Error ? error.message : String(error), 500)
}

/**
 * Puts a quarantined path back into the store at its old place, if its contents have this NAR hash
 * (SHA-256, hex). Builders can create names in the store's directory. So the content is copied to a
 * place that nobody else can enter, hashed there, and renamed to its path, which follows no link
 * and writes through no existing file. Throws FileError, and then nothing of it is left in the
 * store.
 */
export async function putBack(directory: string, path: string, narHash: string): Promise<void> {
  const aside = join(dirname(path), `.nixsig-${toHex(randomBytes(16))}`)
  const fresh = join(aside, 'content')
  // Fails if the name exists.
  await inWritableStore('mkdir', ['--mode=0700', '--', aside])
  try {
    const copying = ['--archive', '--no-target-directory', '--', join(directory, 'content'), fresh]
    await inWritableStore('cp', copying)
    const copied = await narHashOfTree(fresh)
    if (copied.narHash !== narHash)
      throw new FileError(`what is in quarantine changed while it was put back: ${printable(path)}`)
    await inWritableStore('mv', ['--force', '--no-target-directory', '--', fresh, path])
  } finally {
    await removeFromStore([aside])
  }
}
