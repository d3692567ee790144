import { statSync } from 'node:fs'

/**
 * What shows whether a file was changed: its inode, ctime and size; nobody can set the ctime.
 * Undefined if it is absent.
 */
export function stampOf(file: string): string | undefined {
  const status = statSync(file, { bigint: true, throwIfNoEntry: false })
  return status && `${status.ino}:${status.ctimeNs}:${status.size}`
}
