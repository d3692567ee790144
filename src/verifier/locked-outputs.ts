import { lstatSync } from 'node:fs'
import { lockedInodes } from '../files/held-locks.ts'

/**
 * Returns a function that tells whether a build of an output may be under way. Nix holds the lock
 * `<output path>.lock` (flock) from before it calls the pre-build hook until the post-build hook
 * has ended. Locks are matched by inode alone, because /proc/locks numbers some devices differently
 * from stat; so a lock on another file can make an output count as locked. If the system does not
 * list its locks, every existing lock file counts as locked.
 */
export function lockedOutputs(locks = '/proc/locks'): (path: string) => boolean {
  const inodes = lockedInodes(locks)
  return path => {
    const status = lstatSync(`${path}.lock`, { throwIfNoEntry: false, bigint: true })
    return status !== undefined && (inodes === undefined || inodes.has(status.ino))
  }
}
