import { lstatSync } from 'node:fs'

/**
 * What tells that a store path is still the one whose NAR hash was asked for: its inode and the time its status last
 * changed, which nobody can set. A path that was removed and made again has another, and the store is asked anew; so a
 * hook need not ask it about every input of every build. Undefined if there is no such path.
 *
 * It vouches for the path's identity, not for its contents: neither does the hash in the store's own database.
 */
export function stampOf(path: string): string | undefined {
  try {
    const status = lstatSync(path, { bigint: true })
    return `${status.ino}:${status.ctimeNs}`
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
