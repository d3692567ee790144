import { type BigIntStats, lstatSync } from 'node:fs'

/**
 * What tells that a store path is still the one that was looked at before: its inode and the time at which that was
 * made, which nobody can set. A path that was removed and made again has another. It vouches for the path's identity,
 * not for its contents. On a file system without times of birth it is the inode alone: links change the time of the last
 * change, and what lay there before a build must not pass for made by it. Undefined if there is no such path.
 */
export function identityOf(path: string): string | undefined {
  const status = statusOf(path)
  return status && `${status.ino}:${status.birthtimeNs}`
}

/**
 * What tells that nobody changed what was hashed: `<inode>:<birth>:<size>:<mtime>:<ctime>`, times in nanoseconds since
 * 1970. Nobody can set the last one, and every change of a file sets it. So does much that changes no contents: some
 * versions of Nix link the files that a build needs into its sandbox. So another stamp is not a verdict: it means that the
 * contents have to be hashed again. On a file system without times of birth the last change stands in for that too. Of a directory it covers what is directly in it, and not the contents of files.
 * Undefined if there is no such path.
 */
export function stampOf(path: string): string | undefined {
  const status = statusOf(path)
  return status && `${identityIn(status)}:${status.size}:${status.mtimeNs}:${status.ctimeNs}`
}

/** Whether a stamp tells of changed contents: one of the form that entries once had, identity alone, does not. */
export function tellsOfChanges(stamp: string): boolean {
  return stamp.split(':').length > 2
}

/** Whether a stamp is of the path with this stamp, its contents changed or not. */
export function isSameInode(stamp: string, other: string): boolean {
  return inodeIn(stamp) === inodeIn(other)
}

function inodeIn(stamp: string): string {
  return stamp.split(':', 2).join(':')
}

/** What tells that a file was not changed: its inode and the time of its last change, which nobody can set. */
export function versionOf(path: string): string | undefined {
  const status = statusOf(path)
  return status && `${status.ino}:${status.ctimeNs}`
}

function identityIn(status: BigIntStats): string {
  return `${status.ino}:${status.birthtimeNs > 0n ? status.birthtimeNs : status.ctimeNs}`
}

function statusOf(path: string): BigIntStats | undefined {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false })
}
