import { FileError } from '../../files/regular-file.ts'
import { printable } from '../../primitives/printable.ts'
import { endOf, startGit } from '../run-git.ts'

/** Two repositories of our own for one of somebody else's. */
export interface Pair {
  /** Only links to its packs and objects, which may be anything. */
  readonly view: string
  /** What was copied from there. Git hashed it, and looked for collisions of SHA-1. */
  readonly received: string
}

/**
 * Copies objects. `revisions` are lines for `git pack-objects --revs`: commits, `^` before those
 * that are not wanted with all that they build on, `--shallow` before those that come without
 * parents. Of them come the commits and the top of their trees. `objects` come alone. Throws
 * FileError, with git's own words, if one is missing.
 */
export async function packAcross(
  { view, received }: Pair,
  wanted: { readonly revisions: readonly string[] } | { readonly objects: Iterable<string> },
): Promise<void> {
  const isHistory = 'revisions' in wanted
  const lines = isHistory ? wanted.revisions : [...wanted.objects]
  if (lines.length === 0) return
  const options = isHistory ? ['--revs', '--filter=tree:0'] : []
  const pack = startGit({ directory: view }, ['pack-objects', '--stdout', '-q', '--window=0', ...options])
  const index = startGit({ directory: received }, ['index-pack', '--stdin'])
  const ends = Promise.all([endOf(pack), endOf(index)])
  pack.stdout.pipe(index.stdin)
  index.stdout.resume()
  pack.stdin.end(lines.map(line => `${line}\n`).join(''))
  const failed = (await ends).find(({ status }) => status !== 0)
  if (failed !== undefined) throw new FileError(printable(failed.complaint, 300))
}
