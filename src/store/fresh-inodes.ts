/**
 * Gives the regular files of a store path fresh inodes, so that a process which still has a
 * descriptor or a mapping of one can no longer change the path's contents. Directories keep their
 * inodes, because only root can change them. Loads node:crypto: a hook imports this module with
 * `await import()`.
 */

import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  copyFileSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  type Stats,
  utimesSync,
} from 'node:fs'
import { copyFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { FileError } from '../files/regular-file.ts'
import { NAR_DEPTH_LIMIT } from '../formats/nix/nar.ts'
import { printable } from '../primitives/printable.ts'
import { narHashOfTree } from './disk-tree-nar.ts'
import { forgetLinks, linksOf } from './optimised-links.ts'
import type { Altered, Renewed } from './renewed.ts'
import { inWritableStore } from './writable-store.ts'

/** How often a path is copied that others replace meanwhile. */
const TRIES = 20
/**
 * Milliseconds between two of them, at most: others who do the same must not meet again each time.
 */
const PAUSE = 100

/** Files up to this many bytes are copied synchronously; larger ones let other work run. */
const AT_ONCE = 1024 * 1024

/**
 * The modification time of all store paths, in seconds since 1970. A directory may instead show the
 * time at which another process renewed files in it.
 */
const NIX_TIME = 1

/**
 * Shares blocks where the file system can (copy on write): writing to one file does not change the
 * other.
 */
const CLONE = constants.COPYFILE_FICLONE

interface Walk {
  readonly files: Renewed[]
  readonly directories: { readonly path: Buffer; readonly status: Stats }[]
}

/**
 * Copies the contents of a path to fresh inodes, in a directory that only this user can enter, and
 * hashes the copies. Replaces the old files with them if they have the registered NAR hash
 * (SHA-256, hex). Otherwise changes nothing and returns what was found. If killed at any point,
 * each file is either the old one or the new one, whole, with the same contents; only the directory
 * `aside` may be left. `aside` is a path beside the other one which does not exist yet and which
 * garbage collection spares meanwhile. Throws FileError.
 */
export async function renewInodes(
  path: string,
  registered: string,
  aside: string,
): Promise<Altered | undefined> {
  try {
    mkdirSync(aside, { mode: 0o700 })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EROFS') throw error
    return renewReadOnly(path, registered, aside)
  }
  try {
    for (let tries = TRIES; tries > 0; tries--) {
      const done = await withRoot(path, root => renewBelow(root, { path, registered, aside }))
      if (done !== 'replaced') return done
      await sleep(Math.random() * PAUSE)
    }
    throw new FileError(`${printable(path)} is replaced again and again`)
  } catch (error) {
    if (error instanceof FileError) throw error
    throw new FileError(`${printable(path)} could not be copied: ${printable((error as Error).message)}`, {
      cause: error,
    })
  } finally {
    rmSync(aside, { recursive: true, force: true })
  }
}

/** A path whose files are copied to fresh inodes. */
interface Renewal {
  readonly path: string
  readonly registered: string
  readonly aside: string
}

/**
 * Opens a directory, so that files are replaced only inside it: another process may delete the path
 * and Nix may create it again. A regular file has only its name.
 */
async function withRoot<T>(path: string, use: (root: string) => Promise<T>): Promise<T> {
  if (!lstatSync(path).isDirectory()) return use(path)
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW)
  try {
    return await use(`/proc/self/fd/${fd}/.`)
  } finally {
    closeSync(fd)
  }
}

/**
 * Returns `replaced`, with nothing changed, if another process gave a file a fresh inode meanwhile
 * or created it again.
 */
async function renewBelow(
  root: string,
  { path, registered, aside }: Renewal,
): Promise<Altered | 'replaced' | undefined> {
  const top = lstatSync(root)
  const walk: Walk = { files: [], directories: [] }
  await copyAside(Buffer.from(root, 'utf8'), { aside, walk, depth: 0 })
  const copies = new Map(walk.files.map(({ file, copy }) => [file, copy]))
  const { narHash: found } = await narHashOfTree(root, file => copies.get(file))
  if (found !== registered) return { registered, found }
  const links = await linksOf(dirname(path), walk.files)
  if (!isStill(path, top)) return 'replaced'
  forgetLinks(links)
  for (const { file, copy } of walk.files) {
    renameSync(Buffer.from(copy, 'latin1'), Buffer.from(file, 'latin1'))
  }
  // Any user may have the store optimised, also between these steps.
  forgetLinks(links)
  for (const { path: directory, status } of walk.directories) {
    utimesSync(directory, status.atimeMs / 1000, NIX_TIME)
  }
  return undefined
}

/**
 * Whether the file of this name is the one that was copied. Throws the file system's error if it is
 * absent.
 */
function isStill(path: string, { ino, dev }: Stats): boolean {
  const now = lstatSync(path)
  return now.ino === ino && now.dev === dev
}

async function copyAside(
  path: Buffer,
  { aside, walk, depth }: { readonly aside: string; readonly walk: Walk; readonly depth: number },
): Promise<void> {
  const status = lstatSync(path)
  if (status.isDirectory()) {
    if (depth >= NAR_DEPTH_LIMIT)
      throw new FileError(`${printable(path.toString('utf8'))} is nested too deep`)
    walk.directories.push({ path, status })
    for (const name of readdirSync(path, 'buffer')) {
      await copyAside(Buffer.concat([path, Buffer.from('/'), name]), { aside, walk, depth: depth + 1 })
    }
  } else if (status.isFile()) {
    const copy = Buffer.from(join(aside, String(walk.files.length)), 'utf8')
    // The builders' group may write to the store's directory, but cannot put a link inside a valid
    // path.
    if (status.size <= AT_ONCE) copyFileSync(path, copy, CLONE)
    else await copyFile(path, copy, CLONE)
    chownSync(copy, status.uid, status.gid)
    chmodSync(copy, status.mode & 0o7777)
    utimesSync(copy, status.atimeMs / 1000, status.mtimeMs / 1000)
    walk.files.push({ file: path.toString('latin1'), copy: copy.toString('latin1'), status })
  }
}

/**
 * Links copies to their names if each name still has the file that was copied. A forced link
 * renames, file by file. The directory is entered first, so that files are replaced in that
 * directory only.
 */
const LINKING = `
  still() { [ "$(stat --format=%d:%i -- "$1")" = "$inode" ]; }
  link() { exec cp --archive --link --force --no-target-directory -- "$fresh" "$1"; }
  path=$0 fresh=$1 inode=$2
  if [ -d "$path" ] && [ ! -L "$path" ]; then cd -- "$path" && still . && link .
  else still "$path" && link "$path"; fi`

/** Renews inodes with external programs, where the store is mounted read-only. */
async function renewReadOnly(path: string, registered: string, aside: string): Promise<Altered | undefined> {
  await inWritableStore('mkdir', ['--mode=0700', '--', aside])
  try {
    const fresh = join(aside, 'content')
    const { dev, ino } = lstatSync(path, { bigint: true })
    await inWritableStore('cp', ['--archive', '--no-target-directory', '--', path, fresh])
    const { narHash: found } = await narHashOfTree(fresh)
    if (found !== registered) return { registered, found }
    await inWritableStore('sh', ['-c', LINKING, path, fresh, `${dev}:${ino}`])
    return undefined
  } finally {
    await inWritableStore('rm', ['--recursive', '--force', '--', aside])
  }
}
