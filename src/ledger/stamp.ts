import { type BigIntStats, lstatSync } from 'node:fs'

/**
 * What tells that a store path is still the one whose NAR hash was asked for: its inode and the time at which that was
 * made, which nobody can set. A path that was removed and made again has another, and the store is asked anew; so a hook
 * need not ask it about every input of every build. Undefined if there is no such path.
 *
 * It vouches for the path's identity, not for its contents: neither does the hash in the store's own database. The time
 * of the last change would not do: some versions of Nix link the files that a build needs into its sandbox, which
 * changes it each time. It stands in only where the file system keeps no times of birth.
 */
export function identityOf(path: string): string | undefined {
  const status = statusOf(path)
  return status && `${status.ino}:${status.birthtimeNs > 0n ? status.birthtimeNs : status.ctimeNs}`
}

/** What tells that a file was not changed: its inode and the time of its last change, which nobody can set. */
export function versionOf(path: string): string | undefined {
  const status = statusOf(path)
  return status && `${status.ino}:${status.ctimeNs}`
}

function statusOf(path: string): BigIntStats | undefined {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false })
}
