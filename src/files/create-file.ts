import { closeSync, openSync } from 'node:fs'

/**
 * Creates a file (0600) and calls `use` while it is open. Whatever has this name already, a link
 * included, stays as it is: then this throws the error of the system (`EEXIST`).
 */
export function createFile(file: string, use: (fd: number) => void): void {
  const fd = openSync(file, 'wx', 0o600)
  try {
    use(fd)
  } finally {
    closeSync(fd)
  }
}
