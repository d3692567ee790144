import { lstatSync } from 'node:fs'
import { lockedInodes } from '../files/held-locks.ts'

/** Nix's own, held exclusively as long as garbage is collected, and shared by whoever must not run beside that. */
const GC_LOCK = '/nix/var/nix/gc.lock'

/**
 * Whether garbage is being collected, as far as the system tells: what changes the store then, as `nix-store --verify`
 * does, has to wait. Anybody can begin it, and keep it from ending.
 */
export function isCollecting(lock = GC_LOCK, locks = '/proc/locks'): boolean {
  const status = lstatSync(lock, { throwIfNoEntry: false, bigint: true })
  return status !== undefined && lockedInodes('exclusive', locks)?.has(status.ino) === true
}
