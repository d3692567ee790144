import { FileError } from '../../files/regular-file.ts'
import { printable } from '../../primitives/printable.ts'
import { copyPack } from '../copy-pack.ts'

/** Two repositories of our own for one of somebody else's. */
export interface Pair {
  /** Only links to its packs and objects, which may be anything. */
  readonly view: string
  /** What was copied from there. Git hashed it, and looked for collisions of SHA-1. */
  readonly received: string
}

/** What to copy: each line is an object, or belongs to a question about revisions. */
export interface Wanted {
  readonly lines: Iterable<string>
  /**
   * `history`: lines for `git pack-objects --revs`: commits, `^` before those that are not wanted
   * with all that they build on, `--shallow` before those that come without parents. Only the
   * commits come. `files`: the same with trees, and with files of at most 4 MiB. `objects`: ids of
   * objects, which come alone.
   */
  readonly as: 'history' | 'files' | 'objects'
}

const OPTIONS: Readonly<Record<Wanted['as'], readonly string[]>> = {
  history: ['--window=0', '--revs', '--filter=tree:0'],
  files: ['--window=0', '--revs', '--filter=blob:limit=4m'],
  objects: ['--window=0'],
}

/** Copies objects. Throws FileError, with git's own words, if one is missing. */
export async function packAcross({ view, received }: Pair, { lines, as }: Wanted): Promise<void> {
  const input = [...lines].map(line => `${line}\n`).join('')
  if (input === '') return
  const complaint = await copyPack({ from: view, to: received }, ['--window=0', ...OPTIONS[as]], input)
  if (complaint !== undefined) throw new FileError(printable(complaint, 300))
}
