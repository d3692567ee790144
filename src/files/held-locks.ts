import { readFileSync } from 'node:fs'

/**
 * The inode numbers of all locked files, from proc_locks(5), which also lists processes that wait
 * for a lock. Undefined if the list cannot be read.
 */
export function lockedInodes(locks = '/proc/locks'): ReadonlySet<bigint> | undefined {
  try {
    const lines = readFileSync(locks, 'latin1').split('\n')
    // 1: FLOCK  ADVISORY  WRITE 1234 08:01:131074 0 EOF; a waiting process has an arrow after the
    // number.
    const inodes = lines.map(line => / [0-9a-f]+:[0-9a-f]+:(\d+) /.exec(line)?.[1])
    return new Set(inodes.flatMap(inode => (inode === undefined ? [] : [BigInt(inode)])))
  } catch {
    return undefined
  }
}
