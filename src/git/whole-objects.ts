import { FileError } from '../files/regular-file.ts'
import { printable } from '../primitives/printable.ts'
import { assertId, type GitObjectType } from './objects.ts'

/** Bytes of the line before an object, at most. */
const HEAD_LIMIT = 256

/** One object, which was hashed again here. */
export interface WholeObject {
  readonly id: string
  readonly type: GitObjectType
  /** A view that is not overwritten. */
  readonly contents: Buffer
}

/**
 * The objects in the answers of `git cat-file --batch`, as many as come. Throws FileError for an
 * answer that is not an object, for one that does not hash to its id or has more than `limit`
 * bytes, and if git ends in the middle of one.
 */
export async function* wholeObjects(
  stream: AsyncIterable<Buffer>,
  limit: number,
): AsyncGenerator<WholeObject> {
  let rest: Buffer = Buffer.alloc(0)
  for await (const piece of stream) {
    rest = rest.length === 0 ? piece : Buffer.concat([rest, piece])
    let at = 0
    for (let found = objectAt(rest, at, limit); found !== undefined; found = objectAt(rest, at, limit)) {
      yield found.object
      at = found.end
    }
    rest = rest.subarray(at)
  }
  if (rest.length > 0) throw new FileError('git ended in the middle of an object')
}

/** The object that begins here and where it ends; undefined if it is not there as a whole. */
function objectAt(
  bytes: Buffer,
  at: number,
  limit: number,
): { readonly object: WholeObject; readonly end: number } | undefined {
  const line = bytes.indexOf(10, at)
  if (line < 0 && bytes.length - at < HEAD_LIMIT) return undefined
  const head = bytes.toString('latin1', at, line < 0 ? at + HEAD_LIMIT : line)
  const [, id = '', type = '', size = ''] = /^([0-9a-f]+) (blob|tree|commit|tag) (\d{1,15})$/.exec(head) ?? []
  if (line < 0 || id === '') throw new FileError(`git: ${printable(head, 200)}, where an object is needed`)
  if (Number(size) > limit) throw new FileError(`git object ${id} is larger than ${limit} bytes`)
  const end = line + 1 + Number(size)
  if (end >= bytes.length) return undefined
  const contents = bytes.subarray(line + 1, end)
  assertId(id, type as GitObjectType, contents)
  return { object: { id, type: type as GitObjectType, contents }, end: end + 1 }
}
