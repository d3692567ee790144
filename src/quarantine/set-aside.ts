import { lstatSync, mkdirSync, renameSync } from 'node:fs'
import { basename, join } from 'node:path'
import { STORE_DIR } from '../formats/nix/store-path.ts'
import { toHex } from '../primitives/hex.ts'
import { randomBytes } from '../primitives/sodium.ts'
import { inWritableStore } from '../store/writable-store.ts'

/** The most paths that one program gets as arguments; some 60 KB. */
const AT_ONCE = 200

/**
 * A fixed name, so that what a killed process left is found. Builders without a sandbox could take
 * the name.
 */
const NAME = '.nixsig-leaving'

/**
 * A directory of the store that nobody else can enter, for paths that are about to be deleted. In
 * there they have no name that anybody could execute.
 */
export interface Aside {
  /** Moves those of these paths that exist out of the store's directory. Throws FileError. */
  take(paths: readonly string[]): Promise<void>
  /** Deletes everything that was moved. */
  remove(): Promise<void>
}

/** Prepares such a directory, and removes what a killed process left in it. */
export async function openAside(): Promise<Aside> {
  const usual = join(STORE_DIR, NAME)
  const isTaken = exists(usual) && !isOwn(usual)
  const directory = isTaken ? `${usual}-${toHex(randomBytes(16))}` : usual
  if (exists(directory)) await removeFromStore([directory])
  let serial = 0
  return {
    async take(paths) {
      const there = paths.filter(exists)
      if (there.length === 0) return
      // A new subdirectory each time: a path that was moved once may have been made again.
      const to = join(directory, String(serial++))
      await makeDirectories(directory, to)
      const left = there.filter(path => !couldRename(path, join(to, basename(path))))
      for (const some of chunks(left)) await inWritableStore('mv', ['--target-directory', to, '--', ...some])
    },
    async remove() {
      if (serial > 0) await removeFromStore([directory])
    },
  }
}

/** Fails if `to` exists. */
async function makeDirectories(directory: string, to: string): Promise<void> {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    mkdirSync(to, { mode: 0o700 })
  } catch {
    if (!exists(directory)) await inWritableStore('mkdir', ['--mode=0700', '--', directory])
    await inWritableStore('mkdir', ['--mode=0700', '--', to])
  }
}

function couldRename(from: string, to: string): boolean {
  try {
    renameSync(from, to)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT'
  }
}

/**
 * Removes paths of the store with rm: from version 23 on, Node's own removal hides that it failed
 * on a read-only file system.
 */
export async function removeFromStore(paths: readonly string[]): Promise<void> {
  for (const some of chunks(paths)) await inWritableStore('rm', ['--recursive', '--force', '--', ...some])
}

/** Splits a list into parts that are short enough to be a program's arguments. */
export function chunks<T>(all: readonly T[]): readonly (readonly T[])[] {
  const count = Math.ceil(all.length / AT_ONCE)
  return Array.from({ length: count }, (_, index) => all.slice(index * AT_ONCE, (index + 1) * AT_ONCE))
}

function isOwn(path: string): boolean {
  const status = lstatSync(path)
  return status.isDirectory() && status.uid === process.geteuid?.() && (status.mode & 0o077) === 0
}

/** Whether something lies at a path; symbolic links are not followed. */
export function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined
}
