import { spawn } from 'node:child_process'
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  type Stats,
  unlinkSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { printable } from '../primitives/printable.ts'
import { deadlineSignal, withinCurrent } from './deadline.ts'
import { findProgram } from './programs.ts'
import { FileError } from './regular-file.ts'

const WAIT_SECONDS = 300
/** Other processes may replace an unsafe lock file at the same time. */
const TRIES = 10

/**
 * Runs an action while no other process holds the same lock. The lock is a file, created if missing
 * (0600, in directories of 0700) and locked by the kernel (flock), so it is released when the
 * action or the caller's time ends, or this process does, in whatever way. Whoever can open a file
 * can lock it, so a lock file that other users could open is replaced, and locks held on the old
 * one do not count. Throws FileError if the lock cannot be had within five minutes.
 */
export async function withLock<T>(file: string, action: () => Promise<T>): Promise<T> {
  const fd = await acquire(file, WAIT_SECONDS)
  if (fd === undefined) throw new FileError(`the lock ${printable(file)} is held by another process`)
  return holding(fd, action)
}

/**
 * Like withLock, but does not wait: if another process holds the lock now, it does nothing and
 * returns undefined. Otherwise it returns the action's result.
 */
export async function withLockIfFree<T>(
  file: string,
  action: () => Promise<T>,
): Promise<{ readonly value: T } | undefined> {
  const fd = await acquire(file, 0)
  return fd === undefined ? undefined : { value: await holding(fd, action) }
}

/**
 * Like withLock for actions that never wait and are harmless next to others: if the lock is not
 * free, the action runs without it.
 */
export async function withLockOrWithout<T>(file: string, action: () => Promise<T>): Promise<T> {
  const fd = await acquire(file, 0).catch(() => undefined)
  return fd === undefined ? action() : holding(fd, action)
}

/**
 * Takes a lock that others may share, by this function alone, until the function that is returned
 * is called or this process ends. Throws FileError if it cannot be had within five minutes.
 */
export async function holdShared(file: string): Promise<() => void> {
  const fd = await acquire(file, WAIT_SECONDS, 'shared')
  if (fd === undefined) throw new FileError(`the lock ${printable(file)} is held by another process`)
  let isHeld = true
  return () => {
    if (isHeld) closeSync(fd)
    isHeld = false
  }
}

/** Whether the lock file can be opened, or created if missing. */
export function canBeLocked(file: string): boolean {
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    const fd = openOwn(file)
    if (fd !== undefined) closeSync(fd)
    return fd !== undefined
  } catch {
    return false
  }
}

async function holding<T>(fd: number, action: () => Promise<T>): Promise<T> {
  try {
    return await withinCurrent(action)
  } finally {
    closeSync(fd)
  }
}

/**
 * The descriptor of the locked file that has this name now; undefined if other processes held the
 * lock for that many seconds. Throws FileError.
 */
async function acquire(
  file: string,
  seconds: number,
  kind: 'exclusive' | 'shared' = 'exclusive',
): Promise<number | undefined> {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  for (let tries = 0; tries < TRIES; tries++) {
    const fd = openOwn(file)
    if (fd === undefined) continue
    try {
      if (!(await lock(fd, seconds, kind))) {
        closeSync(fd)
        return undefined
      }
      if (isOf(fd, file)) return fd
    } catch (error) {
      closeSync(fd)
      throw error
    }
    closeSync(fd)
  }
  throw new FileError(`the lock ${printable(file)} is replaced again and again`)
}

/**
 * Opens a lock file that no other user can open; undefined if there was another file, which is
 * removed.
 */
function openOwn(file: string): number | undefined {
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK
  const before = lstatSync(file, { throwIfNoEntry: false })
  if (before !== undefined && !isOwn(before)) {
    if (before.isDirectory()) throw new FileError(`${printable(file)} is a directory, and a lock is a file`)
    unlinkSync(file)
  }
  const fd = openSync(file, flags, 0o600)
  if (isOwn(fstatSync(fd))) return fd
  closeSync(fd)
  return undefined
}

function isOwn(status: Stats): boolean {
  const isOurs = status.uid === 0 || status.uid === process.geteuid?.()
  return status.isFile() && isOurs && (status.mode & 0o077) === 0 && status.nlink === 1
}

/** Whether an open file is still the one of this name. */
function isOf(fd: number, file: string): boolean {
  const named = lstatSync(file, { throwIfNoEntry: false })
  const open = fstatSync(fd)
  return named?.ino === open.ino && named.dev === open.dev
}

/**
 * Locks an open file through a child process that shares it: the lock stays after the child has
 * ended. False if the time is over first.
 */
function lock(fd: number, seconds: number, kind: 'exclusive' | 'shared'): Promise<boolean> {
  const flock = findProgram('flock')
  if (flock === undefined) throw new FileError('there is no program flock on this system')
  const signal = deadlineSignal()
  const waiting = seconds === 0 ? ['--nonblock'] : ['--timeout', String(seconds)]
  const args = [`--${kind}`, ...waiting, '3']
  const child = spawn(flock, args, { env: {}, stdio: ['ignore', 'ignore', 'ignore', fd], signal })
  return new Promise((resolve, reject) => {
    child.once('error', error => reject(signal?.aborted ? signal.reason : error))
    child.once('close', status => resolve(status === 0))
  })
}
