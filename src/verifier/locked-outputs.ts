import { lstatSync } from 'node:fs'
import { lockedInodes } from '../files/held-locks.ts'

/**
 * Tells whether a build of an output may be under way: Nix holds the lock `<output path>.lock` (flock) from before it calls the
 * pre-build hook until the post-build hook has ended. By the inode alone, since /proc/locks calls some devices by other
 * numbers than stat does: another locked file can make one count as locked. So does a system that tells nothing.
 */
export function lockedOutputs(locks = '/proc/locks'): (path: string) => boolean {
  const inodes = lockedInodes('any', locks)
  return path => {
    const status = lstatSync(`${path}.lock`, { throwIfNoEntry: false, bigint: true })
    return status !== undefined && (inodes === undefined || inodes.has(status.ino))
  }
}
