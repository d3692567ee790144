/**
 * Makes Nix forget paths that are gone from the disk. Nix has two ways to do that. `nix-store
 * --verify` lists the store's directory first and asks the database afterwards, and so it also
 * forgets whatever anybody makes in between. A deletion keeps what a running build uses. Therefore
 * the paths are deleted in a store whose database is the real one, and whose files, roots and locks
 * are in an empty directory of this process: nothing but rows of these paths can be lost.
 */
import { mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { FileError } from '../files/regular-file.ts'
import { runProgram } from '../files/run.ts'
import { makeScratch, removeScratch } from '../files/scratch.ts'
import { printable } from '../primitives/printable.ts'

const DATABASE = '/nix/var/nix/db'

/** Bytes of the paths that one program gets as arguments; Linux allows 2 MiB in all. */
const ARGUMENTS_LIMIT = 1024 * 1024

/**
 * Removes store paths from Nix's database. `paths`: each after all those that refer to it. Whatever
 * has another referrer stays, with what it refers to. Throws FileError if one of them stays, or
 * `limit` milliseconds are over.
 */
export async function forgetPaths(paths: readonly string[], limit: number): Promise<void> {
  const end = performance.now() + limit
  const scratch = scratchDirectory()
  try {
    const [state, store] = [join(scratch, 'state'), join(scratch, 'store')]
    for (const directory of [state, store]) mkdirSync(directory)
    symlinkSync(DATABASE, join(state, 'db'))
    const args = [
      '--store',
      `local?state=${state}&real=${store}`,
      ...SETTINGS,
      '--delete',
      '--ignore-liveness',
    ]
    for (const some of inArguments(paths)) {
      const { status, stderr } = await runProgram('nix-store', [...args, ...some], end - performance.now())
      const said = printable(stderr.trim().split('\n').at(-1) ?? '', 500)
      if (status !== 0) throw new FileError(`nix-store --delete: ${status ?? 'was ended'}, ${said}`)
    }
  } finally {
    removeScratch(scratch)
  }
}

/**
 * The store plugin has no say in what leaves. Otherwise Nix would keep the outputs of derivations,
 * or their derivations, that are not to be deleted.
 */
const SETTINGS = [
  ...['--quiet', '--option', 'plugin-files', ''],
  ...['--option', 'keep-derivations', 'false', '--option', 'keep-outputs', 'false'],
]

/** Where a full disk leaves no room, memory may. */
function scratchDirectory(): string {
  try {
    return makeScratch('store')
  } catch {
    return makeScratch('store', '/run')
  }
}

function inArguments(paths: readonly string[]): readonly (readonly string[])[] {
  const parts: string[][] = []
  let size = Number.POSITIVE_INFINITY
  for (const path of paths) {
    size += path.length + 1
    if (size > ARGUMENTS_LIMIT) {
      parts.push([])
      size = path.length + 1
    }
    parts.at(-1)?.push(path)
  }
  return parts
}
