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
/** Others may put a lock in order at the same time. */
const TRIES = 10

/**
 * Does something while no other process does the like under the same lock: a file, which is made, 0600 in directories of
 * 0700. The lock is the kernel's (flock), and ends when the action or the caller's time does, or this process, however it
 * does. Whoever can open a file can lock it: so one that others may open is replaced, and what they hold means nothing.
 * Throws FileError if it cannot be had within five minutes.
 */
export async function withLock<T>(file: string, action: () => Promise<T>): Promise<T> {
  const fd = await acquire(file, WAIT_SECONDS)
  if (fd === undefined) throw new FileError(`the lock ${printable(file)} is held by another process`)
  return holding(fd, action)
}

/**
 * The same for who does not wait: undefined, with nothing done, where another process holds the lock now; else what the
 * action came to.
 */
export async function withLockIfFree<T>(
  file: string,
  action: () => Promise<T>,
): Promise<{ readonly value: T } | undefined> {
  const fd = await acquire(file, 0)
  return fd === undefined ? undefined : { value: await holding(fd, action) }
}

/** The same for what waits for nobody and does no harm beside others: where the lock cannot be had at once, without it. */
export async function withLockOrWithout<T>(file: string, action: () => Promise<T>): Promise<T> {
  const fd = await acquire(file, 0).catch(() => undefined)
  return fd === undefined ? action() : holding(fd, action)
}

/** Whether there is a lock of this name that can be opened, or one could be made. */
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
 * The number of an open file that is locked, and that is the one of this name; undefined: it was held by others for so many
 * seconds.
 */
async function acquire(file: string, seconds: number): Promise<number | undefined> {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  for (let tries = 0; tries < TRIES; tries++) {
    const fd = openOwn(file)
    if (fd === undefined) continue
    try {
      if (!(await lock(fd, seconds))) {
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

/** Opens a lock that nobody else can open; undefined if there was another file, which is removed. */
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

/** Whether an open file is still what has this name. */
function isOf(fd: number, file: string): boolean {
  const named = lstatSync(file, { throwIfNoEntry: false })
  const open = fstatSync(fd)
  return named?.ino === open.ino && named.dev === open.dev
}

/** Locks an open file, by a child that shares it: the lock stays with the file after the child has ended. */
function lock(fd: number, seconds: number): Promise<boolean> {
  const flock = findProgram('flock')
  if (flock === undefined) throw new FileError('there is no program flock on this system')
  const signal = deadlineSignal()
  const waiting = seconds === 0 ? ['--nonblock'] : ['--timeout', String(seconds)]
  const args = ['--exclusive', ...waiting, '3']
  const child = spawn(flock, args, { env: {}, stdio: ['ignore', 'ignore', 'ignore', fd], signal })
  return new Promise((resolve, reject) => {
    child.once('error', error => reject(signal?.aborted ? signal.reason : error))
    child.once('close', status => resolve(status === 0))
  })
}
