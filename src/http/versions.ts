import { statSync } from 'node:fs'

/** Text that differs once one of these files is another or was changed. */
export function versionsOf(files: readonly string[]): string {
  return files.map(versionOf).join(' ')
}

function versionOf(file: string): string {
  const status = statSync(file, { throwIfNoEntry: false, bigint: true })
  return status === undefined ? '-' : `${status.dev}:${status.ino}:${status.size}:${status.ctimeNs}`
}
