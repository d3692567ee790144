/**
 * Files of which a little is read at a time, for as long as somebody may ask: what was opened is
 * what is read, even after another file took its name. Nobody has to close them. A process holds
 * few, and what it closed it opens again if it is still the same file.
 */
import { type BigIntStats, closeSync, fstatSync, readSync } from 'node:fs'
import { printable } from '../primitives/printable.ts'
import { assertOwned } from './owned-file.ts'
import { FileError, openToRead } from './regular-file.ts'

/** How many files a process holds open, and how many states of one path. */
export const HELD = 16
export const HELD_STATES = 2

/** A file as it was when it was opened. */
export interface HeldFile {
  /** Bytes. */
  readonly size: number
  /**
   * Reads a part. Throws RangeError for one that is not within the size, and FileError if the file
   * became shorter or was replaced and is no longer held.
   */
  read(offset: number, length: number): Buffer
  /** Throws FileError if it was written to since it was opened. */
  assertUnchanged(): void
}

interface State {
  readonly file: string
  readonly identity: string
  fd: number | undefined
}

/** The ones that are open, the one that was used last at the end. */
const open: State[] = []

/**
 * Opens a file that only root or the user of this process could have written; undefined if it is
 * absent. Its directory must be guarded already. Follows no symbolic link. Throws FileError.
 */
export function holdOwnedFile(file: string): HeldFile | undefined {
  const opened = openOwned(file)
  if (opened === undefined) return undefined
  const { fd, size, identity } = opened
  const same = open.find(state => state.file === file && state.identity === identity)
  const state = same ?? { file, identity, fd }
  if (same === undefined) hold(state)
  else closeSync(fd)
  return {
    size,
    read: (offset, length) => {
      if (offset < 0 || length < 0 || offset + length > size) throw new RangeError('beyond the end of a file')
      return readAt(state, offset, length)
    },
    assertUnchanged: () => {
      if (identityOf(statusOf(state)) !== identity)
        throw new FileError(`${printable(file)} was written to while it was read`)
    },
  }
}

function hold(state: State): void {
  open.push(state)
  const states = open.filter(({ file }) => file === state.file)
  for (const old of states.slice(0, -HELD_STATES)) drop(old)
  while (open.length > HELD) drop(open[0] as State)
}

function drop(state: State): void {
  open.splice(open.indexOf(state), 1)
  if (state.fd !== undefined) closeSync(state.fd)
  state.fd = undefined
}

/** The descriptor of a state, opened again if it was closed. */
function descriptorOf(state: State): number {
  if (state.fd !== undefined) return state.fd
  const opened = openOwned(state.file)
  if (opened?.identity !== state.identity) {
    if (opened !== undefined) closeSync(opened.fd)
    throw new FileError(`${printable(state.file)} was replaced while it was read`)
  }
  state.fd = opened.fd
  hold(state)
  return opened.fd
}

function statusOf(state: State): BigIntStats {
  return fstatSync(descriptorOf(state), { bigint: true })
}

function readAt(state: State, offset: number, length: number): Buffer {
  const fd = descriptorOf(state)
  const bytes = Buffer.allocUnsafe(length)
  let done = 0
  while (done < length) {
    const count = readSync(fd, bytes, done, length - done, offset + done)
    if (count === 0) throw new FileError(`${printable(state.file)} became shorter while it was read`)
    done += count
  }
  return bytes
}

/** The ctime is not part of it: it changes when another file takes the name. */
function identityOf({ dev, ino, size, mtimeNs }: BigIntStats): string {
  return `${dev}:${ino}:${size}:${mtimeNs}`
}

function openOwned(file: string) {
  const fd = openToRead(file)
  if (fd === undefined) return undefined
  try {
    const status = fstatSync(fd, { bigint: true })
    if (!status.isFile()) throw new FileError(`${printable(file)} is not a regular file`)
    assertOwned(file, { uid: Number(status.uid), mode: Number(status.mode) })
    return { fd, size: Number(status.size), identity: identityOf(status) }
  } catch (error) {
    closeSync(fd)
    throw error
  }
}
