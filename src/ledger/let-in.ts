/**
 * What the store plugin let in only because the policy warned: one file for each path under
 * `let-in/`, see docs/ledger.md. For people: nothing is decided by it.
 */
import { join } from 'node:path'
import { isPartial } from '../files/durable-file.ts'
import { namesIn, readableNamesIn } from '../files/names-in.ts'
import { readOwnedFile } from '../files/owned-file.ts'
import { FileError } from '../files/regular-file.ts'
import { removeFile } from '../files/remove-file.ts'
import { isStorePath } from '../formats/nix/store-path.ts'

/** More than the plugin writes: the records that are read, and the bytes of one. */
const COUNT_LIMIT = 4096
const RECORD_LIMIT = 8192

/** Removes the record about a path that was found trusted since. */
export function forgetLetIn(state: string, digest: string): void {
  removeFile(join(state, 'let-in', digest))
}

/**
 * The store paths that were let in so, whatever became of them since. Records that are not of this
 * form are passed over: nothing is decided by them.
 */
export function readLetIn(state: string): readonly string[] {
  const directory = join(state, 'let-in')
  const names = namesIn(directory).filter(name => !isPartial(name))
  return names.slice(0, COUNT_LIMIT).flatMap(name => pathIn(join(directory, name)) ?? [])
}

/** How many records there are, at most as many as the plugin writes. */
export function countLetIn(state: string): number {
  const names = readableNamesIn(join(state, 'let-in')).filter(name => !isPartial(name))
  return Math.min(names.length, COUNT_LIMIT)
}

function pathIn(file: string): string | undefined {
  try {
    const [, path] = /^nixsig1 (\S+) /.exec(readOwnedFile(file, RECORD_LIMIT)?.toString('latin1') ?? '') ?? []
    return path !== undefined && isStorePath(path) ? path : undefined
  } catch (error) {
    if (error instanceof FileError) return undefined
    throw error
  }
}
