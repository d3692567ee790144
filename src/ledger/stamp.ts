import { type BigIntStats, lstatSync } from 'node:fs'

/**
 * Returns the identity of a store path: its inode and birth time, `<inode>:<time in nanoseconds>`.
 * Nobody can set the birth time, so a path that was removed and made again has another identity. It
 * identifies the path, not its contents. On a file system without birth times only the inode
 * counts: hard links change the ctime, and what was there before a build must not pass as made by
 * it. Returns undefined if there is no such path.
 */
export function identityOf(path: string): string | undefined {
  const status = statusOf(path)
  return status && `${status.ino}:${status.birthtimeNs}`
}

/**
 * Returns the stamp that shows whether hashed contents may have changed:
 * `<inode>:<birth>:<size>:<mtime>:<ctime>`, times in nanoseconds since 1970. Nobody can set the
 * ctime, and every change of a file updates it. So do actions that change no contents: some
 * versions of Nix hard-link the files that a build needs into its sandbox. A different stamp is
 * therefore not a verdict; it means that the contents have to be hashed again. On a file system
 * without birth times the ctime takes the place of the birth time too. The stamp of a directory
 * covers its direct entries, and not the contents of files. Returns undefined if there is no such
 * path.
 */
export function stampOf(path: string): string | undefined {
  const status = statusOf(path)
  return status && `${identityIn(status)}:${status.size}:${status.mtimeNs}:${status.ctimeNs}`
}

/** Whether a stamp can show changed contents. Older entries have identities only, which cannot. */
export function tellsOfChanges(stamp: string): boolean {
  return stamp.split(':').length > 2
}

/** Whether two stamps have the same inode and birth time, whether or not the contents changed. */
export function isSameInode(stamp: string, other: string): boolean {
  return inodeIn(stamp) === inodeIn(other)
}

function inodeIn(stamp: string): string {
  return stamp.split(':', 2).join(':')
}

/**
 * Returns what shows whether a file was changed: its inode and its ctime in nanoseconds, which
 * nobody can set. Undefined if there is no such path.
 */
export function versionOf(path: string): string | undefined {
  const status = statusOf(path)
  return status && versionIn(status)
}

/** The same from a status that is known. */
export function versionIn({ ino, ctimeNs }: Pick<BigIntStats, 'ino' | 'ctimeNs'>): string {
  return `${ino}:${ctimeNs}`
}

/** When a file of this version was last changed, in nanoseconds since 1970. */
export function changeIn(version: string): number {
  return Number(version.slice(version.lastIndexOf(':') + 1))
}

function identityIn(status: BigIntStats): string {
  return `${status.ino}:${status.birthtimeNs > 0n ? status.birthtimeNs : status.ctimeNs}`
}

function statusOf(path: string): BigIntStats | undefined {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false })
}
