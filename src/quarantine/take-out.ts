import { lstatSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { FileError } from '../files/regular-file.ts'
import { runProgram } from '../files/run.ts'
import { STORE_DIR } from '../formats/nix/store-path.ts'
import { toHex } from '../primitives/hex.ts'
import { printable } from '../primitives/printable.ts'
import { randomBytes } from '../primitives/sodium.ts'
import { narHashOfTree } from '../store/tree-nar.ts'

/** Ten minutes: copying the largest outputs to another disk takes long. */
const TIME_LIMIT = 600_000

/**
 * Moves a path out of the store into `<directory>/content`. May be killed at any point and called again: the store
 * loses nothing before the quarantine has it whole. Works across file systems, and where the store is mounted
 * read-only (then in a mount namespace of its own, with the store writable in there).
 */
export async function takeOut(path: string, directory: string): Promise<void> {
  const content = join(directory, 'content')
  if (exists(path) && !exists(content)) {
    try {
      renameSync(path, content)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code !== 'EXDEV' && code !== 'EROFS') throw error
      await copy(path, content)
    }
  }
  if (exists(path)) await remove(path)
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
    await remove(aside)
  }
}

async function copy(path: string, content: string): Promise<void> {
  const partial = `${content}.partial`
  rmSync(partial, { recursive: true, force: true })
  await succeed('cp', ['--archive', '--no-target-directory', '--', path, partial])
  await succeed('sync', ['--file-system', partial]).catch(() => undefined)
  renameSync(partial, content)
}

/** By rm, because Node's own removal hides from version 23 on that it failed for a read-only file system. */
function remove(path: string): Promise<void> {
  return inWritableStore('rm', ['--recursive', '--force', '--', path])
}

async function inWritableStore(program: string, args: readonly string[]): Promise<void> {
  const first = await runProgram(program, args, TIME_LIMIT)
  if (first.status === 0) return
  const remount = 'mount -o remount,bind,rw "$0" && exec "$@"'
  await succeed('unshare', ['--mount', '--', '/bin/sh', '-c', remount, STORE_DIR, program, ...args])
}

async function succeed(program: string, args: readonly string[]): Promise<void> {
  const { status, stderr } = await runProgram(program, args, TIME_LIMIT)
  if (status !== 0) throw new FileError(`${program} ${args.join(' ')} failed: ${printable(stderr.trim())}`)
}

function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined
}
