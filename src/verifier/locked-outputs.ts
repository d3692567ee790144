import { lstatSync, readFileSync } from 'node:fs'

/**
 * Tells whether a build of an output may be under way: Nix holds the lock `<output path>.lock` (flock) from before it calls the
 * pre-build hook until the post-build hook has ended. By the inode alone, since /proc/locks calls some devices by other
 * numbers than stat does: another locked file can make one count as locked. So does a system that tells nothing.
 */
export function lockedOutputs(locks = '/proc/locks'): (path: string) => boolean {
  const inodes = lockedInodes(locks)
  return path => {
    const status = lstatSync(`${path}.lock`, { throwIfNoEntry: false, bigint: true })
    return status !== undefined && (inodes === undefined || inodes.has(status.ino))
  }
}

/** The inodes of all files that somebody holds a lock of; undefined if that cannot be read. */
function lockedInodes(locks: string): ReadonlySet<bigint> | undefined {
  try {
    const lines = readFileSync(locks, 'latin1').split('\n')
    // 1: FLOCK  ADVISORY  WRITE 1234 08:01:131074 0 EOF (proc_locks(5)); who waits has an arrow behind the number.
    const inodes = lines.map(line => / [0-9a-f]+:[0-9a-f]+:(\d+) /.exec(line)?.[1])
    return new Set(inodes.flatMap(inode => (inode === undefined ? [] : [BigInt(inode)])))
  } catch {
    return undefined
  }
}
