import { realpathSync } from 'node:fs'
import { dirname } from 'node:path'

/** The directory of the programs that run, without symbolic links. */
export function ownDirectory(): string {
  return dirname(realpathSync.native(process.argv[1] ?? ''))
}
