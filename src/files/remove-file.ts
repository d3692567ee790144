import { lstatSync, unlinkSync } from 'node:fs'

/**
 * Removes a file; does nothing if it is absent. Throws what the system says of anything else.
 */
export function removeFile(file: string): void {
  // To make an error takes Node longer than to look first.
  if (lstatSync(file, { throwIfNoEntry: false }) === undefined) return
  try {
    unlinkSync(file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}
