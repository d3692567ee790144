import { mkdirSync, renameSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { deadlineSignal } from '../files/deadline.ts'
import { FileError } from '../files/regular-file.ts'
import { toHex } from '../primitives/hex.ts'
import { printable } from '../primitives/printable.ts'
import { randomBytes } from '../primitives/sodium.ts'
import { narHashOfTree } from '../store/tree-nar.ts'
import { inWritableStore, succeed } from '../store/writable-store.ts'
import { type Aside, chunks, exists, removeFromStore } from './set-aside.ts'

/** Where copies lie until they are whole, in the directory of all entries. */
const PARTIAL = 'partial'

/** A path that leaves the store, and the directory of the entry that keeps it; undefined: it is not kept. */
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
 * Moves paths out of the store, each into `<directory>/content`, all of them together. May be killed at any point and called
 * again: the store loses nothing before the quarantine has it whole, but what the quarantine cannot take, for which
 * there is no room or more than `patience` milliseconds are needed: that goes `aside` and is told. Works across file systems,
 * and where the store is mounted read-only.
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

/** Where an entry keeps what was taken. */
function contentIn(directory: string): string {
  return join(directory, 'content')
}

interface Kept extends Leaving {
  readonly directory: string
}

/** Renames; what lies on another file system than the quarantine, or in a store that is read-only, has to be copied. */
function moveAll(leaving: readonly Kept[]): { readonly lost: Lost[]; readonly elsewhere: readonly Kept[] } {
  const lost: Lost[] = []
  const elsewhere: Kept[] = []
  for (const one of leaving) {
    try {
      renameSync(one.path, contentIn(one.directory))
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'EXDEV' || code === 'EROFS') elsewhere.push(one)
      // Another entry of the same path has it.
      else if (exists(one.path)) lost.push({ path: one.path, why: why(error) })
    }
  }
  return { lost, elsewhere }
}

/** Copies all at once; one by one where that fails, so that one that there is no room for takes no other along. */
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

/** Why these could not all be copied until then; undefined: they were. */
async function copied(leaving: readonly Kept[], end: number): Promise<string | undefined> {
  const [first] = leaving
  if (first === undefined) return undefined
  const quarantine = dirname(first.directory)
  // A killed process may have left a program behind that still writes to its own.
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
    // Whoever has no time left takes nothing from the store either: the next hook goes on.
    if (signal?.aborted) throw signal.reason
    return why(error)
  }
}

/** Removes copies that were not finished from the directory of all entries. Throws what the file system does. */
export function discardPartial(quarantine: string): void {
  rmSync(join(quarantine, PARTIAL), { recursive: true, force: true })
}

/** What went wrong, for people. */
export function why(error: unknown): string {
  return printable(error instanceof Error ? error.message : String(error), 500)
}

/**
 * Puts a quarantined path back into the store, from where it was taken, with the contents that have this NAR hash
 * (SHA-256, hex). Builders can make names in the store's directory: so what is put back is copied where nobody else can
 * reach it, hashed there, and renamed into its place, which follows no link and writes through no name. Throws FileError,
 * and then there is nothing of it in the store.
 */
export async function putBack(directory: string, path: string, narHash: string): Promise<void> {
  const aside = join(dirname(path), `.nixsig-${toHex(randomBytes(16))}`)
  const fresh = join(aside, 'content')
  // Fails where there is anything of that name.
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
