import { type BigIntStats, closeSync, fstatSync, lstatSync, realpathSync, type Stats } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { printable } from '../primitives/printable.ts'
import {
  FileError,
  openToRead,
  readAll,
  readPresentFile,
  readRegularFile,
  withRegularFile,
} from './regular-file.ts'

/**
 * The contents of a file, at most `limit` bytes, that only root or the user of this process could
 * have written; undefined if the file is absent. Checks the file alone, so its directory must be
 * guarded already. Follows no symbolic link. Throws FileError.
 */
export function readOwnedFile(file: string, limit: number): Buffer | undefined {
  return readRegularFile(file, limit, status => assertOwned(file, status))
}

/** Like readOwnedFile, but faster if the file is there: see readPresentFile. */
export function readOwnedPresentFile(file: string, limit: number): Buffer | undefined {
  return readPresentFile(file, limit, status => assertOwned(file, status))
}

/**
 * Calls `use` with an open file, and its size in bytes, that only root or the user of this process
 * could have written; undefined if the file is absent. For files of which only a part is read.
 * Its directory must be guarded already. Throws FileError.
 */
export function withOwnedFile<T>(file: string, use: (fd: number, size: number) => T): T | undefined {
  return withRegularFile(file, (fd, status) => {
    assertOwned(file, status)
    return use(fd, status.size)
  })
}

/**
 * Like readOwnedPresentFile, with the status of the file that was read, as it was before: who reads
 * it again later can tell whether it is the same. The bytes of a small file are there until the next
 * is read.
 */
export function readOwnedFileAndStatus(
  file: string,
  limit: number,
): { readonly bytes: Buffer; readonly status: BigIntStats } | undefined {
  const fd = openToRead(file)
  if (fd === undefined) return undefined
  try {
    const status = fstatSync(fd, { bigint: true })
    if (!status.isFile()) throw new FileError(`${printable(file)} is not a regular file`)
    const size = Number(status.size)
    if (size > limit) throw new FileError(`${printable(file)} is larger than ${limit} bytes`)
    assertOwned(file, { uid: Number(status.uid), mode: Number(status.mode) })
    return { bytes: readAll(fd, size, size <= SMALL.length ? SMALL : undefined), status }
  } finally {
    closeSync(fd)
  }
}

/** For files that are read one after another, by the thousand. */
const SMALL = Buffer.allocUnsafeSlow(4096)

/** File systems write whole blocks of at least this size. */
const BLOCK = 512
const LINE_FEED = 10

/**
 * The text of a record that was renamed into place without being flushed; undefined if the file is
 * absent, or as a power failure leaves it: empty, with zeros where it was not written, or cut at
 * the end of a block. A record is made of lines and has no zeros. As in nix/plugin/ledger.c.
 */
export function wholeRecord(bytes: Buffer | undefined): string | undefined {
  if (bytes === undefined || bytes.length === 0 || bytes.includes(0)) return undefined
  if (bytes.length % BLOCK === 0 && bytes.at(-1) !== LINE_FEED) return undefined
  return bytes.toString('utf8')
}

/**
 * Throws FileError unless a file with this status belongs to root or the user of this process and
 * nobody else can write to it.
 */
export function assertOwned(file: string, { uid, mode }: Pick<Stats, 'uid' | 'mode'>): void {
  if (!isOurs(uid)) throw unsafe(file, `belongs to user ${uid}`)
  if ((mode & 0o022) !== 0) throw unsafe(file, 'is writable by others', 'chmod go-w')
}

/**
 * The real path of an existing file, with all symbolic links resolved. Every directory above it, on
 * the given path and on the real one, must belong to root or the user of this process and not be
 * writable by others. A sticky directory further up (`/tmp`), or a sticky one that a group can
 * write to (`/nix/store`), passes: nobody can replace another user's file in it. Throws FileError.
 */
export function protectedPath(file: string): string {
  try {
    const real = realpathSync.native(file)
    for (const path of new Set([file, real])) assertProtectedDirectories(path)
    return real
  } catch (error) {
    if (error instanceof FileError) throw error
    throw new FileError(`cannot read ${printable(file)}: ${printable((error as Error).message)}`)
  }
}

/**
 * The contents, at most `limit` bytes, of a file that passes both protectedPath and readOwnedFile.
 * Throws FileError.
 */
export function readProtectedFile(file: string, limit: number): Buffer {
  const bytes = readOwnedFile(protectedPath(file), limit)
  if (bytes === undefined) throw new FileError(`${printable(file)} went away while it was read`)
  return bytes
}

/**
 * Whether only root and the user of this process can put something else in the place of what this
 * user makes in a directory: that and those above it are theirs, and sticky where others may write.
 */
export function isSafeToMakeIn(directory: string): boolean {
  try {
    const paths = [resolve(directory), realpathSync.native(directory)]
    for (const path of new Set(paths)) assertDirectories(path, undefined)
    return true
  } catch {
    return false
  }
}

function assertProtectedDirectories(file: string): void {
  assertDirectories(dirname(file), dirname(file))
}

/** `immediate`: the one that may not even be sticky. */
function assertDirectories(first: string, immediate: string | undefined): void {
  for (let dir = first; ; dir = dirname(dir)) {
    const status = lstatSync(dir)
    const sticky = (status.mode & 0o1000) !== 0
    if (!isOurs(status.uid)) throw unsafe(dir, `belongs to user ${status.uid}`)
    // The mode of a link means nothing; its target is on the real path.
    if (!status.isSymbolicLink()) {
      if ((status.mode & 0o002) !== 0 && !sticky) throw unsafe(dir, 'is writable by everybody', 'chmod o-w')
      if ((status.mode & 0o002) !== 0 && dir === immediate) {
        throw unsafe(dir, 'is writable by everybody: keep the file in a directory of your own')
      }
      if ((status.mode & 0o020) !== 0 && !sticky) throw unsafe(dir, 'is writable by its group', 'chmod g-w')
    }
    if (dir === dirname(dir)) return
  }
}

/**
 * Throws FileError unless a directory belongs to root or the user of this process and nobody else
 * can write to it.
 */
export function assertOwnedDirectory(dir: string): void {
  let status: Stats
  try {
    status = lstatSync(dir)
  } catch (error) {
    throw new FileError(`cannot look at ${printable(dir)}: ${printable((error as Error).message)}`)
  }
  if (status.isSymbolicLink())
    throw unsafe(dir, 'is not a directory but a symbolic link: mount there what it leads to (mount --bind)')
  if (!status.isDirectory()) throw unsafe(dir, 'is not a directory')
  if (!isOurs(status.uid)) throw unsafe(dir, `belongs to user ${status.uid}`)
  if ((status.mode & 0o022) !== 0) throw unsafe(dir, 'is writable by others', 'chmod go-w')
}

function unsafe(path: string, problem: string, remedy?: string): FileError {
  const name = printable(path)
  return new FileError(`${name} ${problem}${remedy === undefined ? '' : ` (${remedy} ${name})`}`)
}

function isOurs(uid: number): boolean {
  return uid === 0 || uid === process.geteuid?.()
}
