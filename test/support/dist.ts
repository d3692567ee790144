/** The built programs, as tests install them. */
import { cpSync } from 'node:fs'
import { join } from 'node:path'

const DIST = join(PROJECT_ROOT, 'dist')
const LIBRARY = join(DIST, `prebuilds/linux-${process.arch}/sodium-native.node`)

/**
 * Copies dist/ to a directory, as far as a package has it: without source maps and libraries for
 * others' machines. They are two thirds of it, and no program reads them.
 */
export function copyDist(directory: string): void {
  cpSync(DIST, directory, { recursive: true, filter: isPackaged })
}

function isPackaged(path: string): boolean {
  const isLibrary = path.startsWith(join(DIST, 'prebuilds/'))
  return !path.endsWith('.map') && (!isLibrary || LIBRARY.startsWith(path))
}
