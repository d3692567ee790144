/**
 * Gives the regular files of a store path fresh inodes, so that nobody who still has a descriptor of one, or a mapping,
 * can change what lies there any longer. Directories keep theirs, for nobody but root can change those.
 * Loads node:crypto: reach this module by `await import()` from a hook.
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
import { forgetLinks, linksOf } from './optimised-links.ts'
import type { Altered, Renewed } from './renewed.ts'
import { narHashOfTree } from './tree-nar.ts'
import { inWritableStore } from './writable-store.ts'

/** How often a path is copied that others replace meanwhile. */
const TRIES = 20
/** Milliseconds between two of them, at most: others who do the same must not meet again each time. */
const PAUSE = 100

/** Bytes of a file that is copied at once; others get their turn while a larger one is. */
const AT_ONCE = 1024 * 1024

/**
 * Nix gives all of its paths one time, in seconds since 1970. What a directory shows may be that at which another process
 * renewed files in it.
 */
const NIX_TIME = 1

/** Blocks are shared where the file system can: what is written to one of two such files shows in it alone. */
const CLONE = constants.COPYFILE_FICLONE

interface Walk {
  readonly files: Renewed[]
  readonly directories: { readonly path: Buffer; readonly status: Stats }[]
}

/**
 * Copies what lies at a path to fresh inodes, in a directory that nobody else can enter, hashes the copies, and puts
 * them in the place of the old ones if they have the registered NAR hash (SHA-256, hex). Otherwise nothing is changed,
 * and what was found is told. Killed at any point, each file is the old one or the new one, whole, and has the same
 * contents; what may be left is the directory, `aside`: a path beside the other one that is not there yet, and that
 * nobody collects as garbage meanwhile. Throws FileError.
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

/** What is renewed, and where it lies whatever becomes of its name. */
interface Renewal {
  readonly path: string
  readonly registered: string
  readonly aside: string
}

/**
 * Opens a directory, so that its files are replaced in it and nowhere else: another process may take the path out of the
 * store, and Nix make it again. A file has its name alone.
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

/** `replaced`: a file that another process gave a fresh inode meanwhile, or made again. Nothing is changed then. */
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
  // Any user may have the store optimised, also in between.
  forgetLinks(links)
  for (const { path: directory, status } of walk.directories) {
    utimesSync(directory, status.atimeMs / 1000, NIX_TIME)
  }
  return undefined
}

/** Whether what has this name is what was copied. Throws what the file system does where nothing has it. */
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
    if (depth >= NAR_DEPTH_LIMIT) throw new FileError(`${printable(path.toString('utf8'))} lies too deep`)
    walk.directories.push({ path, status })
    for (const name of readdirSync(path, 'buffer')) {
      await copyAside(Buffer.concat([path, Buffer.from('/'), name]), { aside, walk, depth: depth + 1 })
    }
  } else if (status.isFile()) {
    const copy = Buffer.from(join(aside, String(walk.files.length)), 'utf8')
    // The builders' group may write to the store's directory, but nobody can put a link into what is valid.
    if (status.size <= AT_ONCE) copyFileSync(path, copy, CLONE)
    else await copyFile(path, copy, CLONE)
    chownSync(copy, status.uid, status.gid)
    chmodSync(copy, status.mode & 0o7777)
    utimesSync(copy, status.atimeMs / 1000, status.mtimeMs / 1000)
    walk.files.push({ file: path.toString('latin1'), copy: copy.toString('latin1'), status })
  }
}

/**
 * Links copies into what has this name, if it is what was copied. Linking forcibly renames, file by file; a directory is
 * entered first, so that it is the one whose files are replaced.
 */
const LINKING = `
  still() { [ "$(stat --format=%d:%i -- "$1")" = "$inode" ]; }
  link() { exec cp --archive --link --force --no-target-directory -- "$fresh" "$1"; }
  path=$0 fresh=$1 inode=$2
  if [ -d "$path" ] && [ ! -L "$path" ]; then cd -- "$path" && still . && link .
  else still "$path" && link "$path"; fi`

/** The same by programs, where the store is mounted read-only. */
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
