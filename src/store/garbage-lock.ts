import { lstatSync } from 'node:fs'
import { lockedInodes } from '../files/held-locks.ts'

/**
 * Nix's own lock: held exclusively while garbage is collected, and shared by processes that must
 * not run meanwhile.
 */
const GC_LOCK = '/nix/var/nix/gc.lock'

/**
 * Whether garbage is being collected, according to the system's list of locks. Changes to the
 * store, such as those by `nix-store --verify`, then have to wait. Any user can start a collection
 * and keep it from ending.
 */
export function isCollecting(lock = GC_LOCK, locks = '/proc/locks'): boolean {
  const status = lstatSync(lock, { throwIfNoEntry: false, bigint: true })
  return status !== undefined && lockedInodes('exclusive', locks)?.has(status.ino) === true
}
