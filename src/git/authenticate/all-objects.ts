import { FileError } from '../../files/regular-file.ts'
import { printable } from '../../primitives/printable.ts'
import { assertId, type GitObjectType } from '../objects.ts'
import { endOf, startGit } from '../run-git.ts'

/** Bytes of one object: a commit, or the top of a tree. */
const OBJECT_LIMIT = 64 * 1024 * 1024

/** One object, which was hashed again here. */
export interface WholeObject {
  readonly id: string
  readonly type: GitObjectType
  /** A view that is not overwritten. */
  readonly contents: Uint8Array
}

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
  let rest: Buffer = Buffer.alloc(0)
  for await (const piece of git.stdout as AsyncIterable<Buffer>) {
    rest = rest.length === 0 ? piece : Buffer.concat([rest, piece])
    let at = 0
    for (let found = objectAt(rest, at); found !== undefined; found = objectAt(rest, at)) {
      yield found.object
      at = found.end
    }
    rest = rest.subarray(at)
  }
  const { status, complaint } = await end
  if (status !== 0 || rest.length > 0) throw new FileError(`git cat-file: ${printable(complaint, 300)}`)
}

/** The object that begins here and where it ends; undefined if it is not there as a whole. */
function objectAt(bytes: Buffer, at: number): { object: WholeObject; end: number } | undefined {
  const line = bytes.indexOf(10, at)
  if (line < 0 && bytes.length - at < 256) return undefined
  const head = bytes.toString('latin1', at, line)
  const [, id = '', type = '', size = ''] = /^([0-9a-f]+) (blob|tree|commit|tag) (\d{1,15})$/.exec(head) ?? []
  if (id === '') throw new FileError(`git cat-file: ${printable(head, 200)}`)
  if (Number(size) > OBJECT_LIMIT)
    throw new FileError(`git object ${id} is larger than ${OBJECT_LIMIT} bytes`)
  const end = line + 1 + Number(size)
  if (end >= bytes.length) return undefined
  const contents = bytes.subarray(line + 1, end)
  assertId(id, type as GitObjectType, contents)
  return { object: { id, type: type as GitObjectType, contents }, end: end + 1 }
}
