import { FileError } from '../../files/regular-file.ts'
import { printable } from '../../primitives/printable.ts'
import { endOf, startGit } from '../run-git.ts'
import { type WholeObject, wholeObjects } from '../whole-objects.ts'

/** Bytes of one object: a commit, or the top of a tree. */
const OBJECT_LIMIT = 64 * 1024 * 1024

/**
 * These objects of a repository of our own, or all that it has, in one run of git and in any order.
 * Throws FileError if one is absent, does not hash to its id or is larger than 64 MiB, and if git
 * fails.
 */
export async function* readObjects(
  directory: string,
  ids: ReadonlySet<string> | 'all',
): AsyncGenerator<WholeObject> {
  const which = ids === 'all' ? ['--batch-all-objects', '--unordered'] : []
  const git = startGit({ directory }, ['cat-file', '--batch', '--buffer', ...which])
  const end = endOf(git)
  git.stdin.end(ids === 'all' ? '' : [...ids].map(id => `${id}\n`).join(''))
  yield* wholeObjects(git.stdout, OBJECT_LIMIT)
  const { status, complaint } = await end
  if (status !== 0) throw new FileError(`git cat-file: ${printable(complaint, 300)}`)
}
