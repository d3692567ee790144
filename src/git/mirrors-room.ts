/**
 * How much all mirrors of a user keep together. A mirror is in use while somebody holds its lock
 * for reading or writing; the others are removed, the longest unused first.
 */
import { existsSync, lstatSync, renameSync, rmSync, statfsSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { holdShared, withLockIfFree } from '../files/lock.ts'
import { namesIn } from '../files/names-in.ts'
import { FileError } from '../files/regular-file.ts'
import { printable } from '../primitives/printable.ts'

/** Limits of all mirrors together. */
export interface MirrorsRoom {
  /** The most repositories. */
  readonly mirrors: number
  /** The most bytes on the disk. */
  readonly bytes: number
}

const ROOM: MirrorsRoom = { mirrors: 64, bytes: 20 * 1024 ** 3 }

const MIRROR = /^[0-9a-f]{40}$/
/** A mirror that is being removed, so that what an interruption leaves is no mirror. */
const REMOVED = /^[0-9a-f]{40}\.removed$/

/** The lock under which a mirror is made, fetched into and removed. */
export function lockOf(mirror: string): string {
  return `${mirror}.lock`
}

/** What may take the place of a mirror into which git cannot fetch. */
export function freshOf(mirror: string): string {
  return `${mirror}.new`
}

/** The lock that whoever reads a mirror shares. Its time says when the mirror was last used. */
function useLockOf(mirror: string): string {
  return `${mirror}.use.lock`
}

/**
 * Marks a mirror as in use from now on, until the function that is returned is called or this
 * process ends. The caller holds its lock. Throws FileError.
 */
export async function useMirror(mirror: string): Promise<() => void> {
  const release = await holdShared(useLockOf(mirror))
  const now = new Date()
  utimesSync(useLockOf(mirror), now, now)
  return release
}

/**
 * Removes the mirrors below `parent` that are longest unused until the others are within the
 * limits: by default 64, of 20 GiB together, and of no more than half of the space that the disk
 * would have without them (`free`: its bytes that are free now). What is in use stays, and counts.
 * Throws FileError.
 */
export async function makeRoomForMirrors(
  parent: string,
  room = ROOM,
  free = freeBytes(parent),
): Promise<void> {
  const names = namesIn(parent)
  for (const name of names.filter(each => REMOVED.test(each))) remove(join(parent, name))
  const mirrors = names.filter(name => MIRROR.test(name)).map(name => measure(join(parent, name)))
  const used = mirrors.reduce((sum, { bytes }) => sum + bytes, 0)
  const most = Math.min(room.bytes, (free + used) / 2)
  const over = { mirrors: mirrors.length - room.mirrors, bytes: used - most }
  for (const { mirror, bytes } of mirrors.sort((a, b) => a.lastUse - b.lastUse)) {
    if (over.mirrors <= 0 && over.bytes <= 0) return
    if (!(await removeUnused(mirror))) continue
    over.mirrors -= 1
    over.bytes -= bytes
  }
}

interface Measured {
  readonly mirror: string
  readonly bytes: number
  /** In milliseconds since 1970; 0 if nobody knows. */
  readonly lastUse: number
}

function measure(mirror: string): Measured {
  const lastUse = lstatSync(useLockOf(mirror), { throwIfNoEntry: false })?.mtimeMs ?? 0
  return { mirror, bytes: bytesBelow(mirror) + bytesBelow(freshOf(mirror)), lastUse }
}

/** Bytes that a file, or a directory with all below it, takes on the disk; 0 if it vanished. */
function bytesBelow(path: string): number {
  const status = lstatSync(path, { throwIfNoEntry: false })
  if (status === undefined) return 0
  const names = status.isDirectory() ? namesIn(path) : []
  const own = Math.max(status.size, status.blocks * 512)
  return names.reduce((sum, name) => sum + bytesBelow(join(path, name)), own)
}

function freeBytes(directory: string): number {
  const { bavail, bsize } = statfsSync(directory)
  return bavail * bsize
}

/** Removes a mirror and its locks. False if it is in use, or gone. Throws FileError. */
async function removeUnused(mirror: string): Promise<boolean> {
  const removed = await withLockIfFree(lockOf(mirror), () =>
    withLockIfFree(useLockOf(mirror), async () => {
      if (!existsSync(mirror)) return false
      remove(`${mirror}.removed`)
      renameSync(mirror, `${mirror}.removed`)
      // The lock last: whoever has it may make the mirror anew.
      for (const each of [`${mirror}.removed`, freshOf(mirror), useLockOf(mirror), lockOf(mirror)])
        remove(each)
      return true
    }),
  )
  return removed?.value?.value ?? false
}

function remove(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true })
  } catch (error) {
    const next = 'next: remove it as the user to whom it belongs'
    throw new FileError(`cannot remove ${printable(path)}: ${printable((error as Error).message)}; ${next}`)
  }
}
