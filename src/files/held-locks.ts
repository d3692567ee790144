import { readFileSync } from 'node:fs'

/** Which locks are looked for. */
export type LockKind = 'any' | 'exclusive'

/**
 * The inodes of all files that somebody holds a lock of, as proc_locks(5) tells; undefined if it cannot be read. Who waits
 * for one counts as well.
 */
export function lockedInodes(kind: LockKind, locks = '/proc/locks'): ReadonlySet<bigint> | undefined {
  try {
    const lines = readFileSync(locks, 'latin1').split('\n')
    // 1: FLOCK  ADVISORY  WRITE 1234 08:01:131074 0 EOF; who waits has an arrow behind the number.
    const some = kind === 'any' ? lines : lines.filter(line => / WRITE /.test(line))
    const inodes = some.map(line => / [0-9a-f]+:[0-9a-f]+:(\d+) /.exec(line)?.[1])
    return new Set(inodes.flatMap(inode => (inode === undefined ? [] : [BigInt(inode)])))
  } catch {
    return undefined
  }
}
