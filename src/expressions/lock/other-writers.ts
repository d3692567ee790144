import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { assertOwnedDirectory, protectedPath, readOwnedFile } from '../../files/owned-file.ts'
import { FileError } from '../../files/regular-file.ts'
import { layoutOf, topOf } from '../../git/layout.ts'
import { LOCKS } from './lock-files.ts'

const SIZE_LIMIT = 32 * 1024 * 1024

/**
 * Whether somebody besides root and the user of this process can change what a directory has, or
 * its repository, after it was verified. Looks at the locks, flake.nix and .git, with all
 * directories above them. Returns what is unsafe, for people, escaped.
 */
export function otherWriters(directory: string): string | undefined {
  try {
    for (const name of [...Object.keys(LOCKS), 'flake.nix']) {
      const file = join(directory, name)
      if (existsSync(file)) readOwnedFile(protectedPath(file), SIZE_LIMIT)
    }
    const top = topOf(directory)
    if (top !== undefined) assertGuarded(top)
    return undefined
  } catch (error) {
    if (error instanceof FileError) return error.message
    throw error
  }
}

/** Nobody else can change the repository of a work tree, or put another one in its place. */
function assertGuarded(top: string): void {
  const { objects, headDirectory } = layoutOf(top)
  const head = join(headDirectory, 'HEAD')
  for (const path of [join(top, '.git'), objects, head]) if (existsSync(path)) protectedPath(path)
  assertOwnedDirectory(objects)
  readOwnedFile(head, SIZE_LIMIT)
}
