/** Reviews: plain texts beside nixsig's notes, named by their SHA-256, which signatures cover. */
import { notesTree } from '../git/notes.ts'
import { entriesOf } from '../git/notes-walk.ts'
import { sizesOfType } from '../git/object-sizes.ts'
import type { OpenRepository } from '../git/open-repository.ts'
import { FormatError } from '../primitives/format-error.ts'
import { toHex } from '../primitives/hex.ts'
import { sha256 } from '../primitives/sodium.ts'
import { NIXSIG_NOTES } from './noted-signatures.ts'

/** Bytes of a review. */
export const REVIEW_LIMIT = 256 * 1024

const DIRECTORY = 'reviews'

/** The path in the tree of notes of the review with this hash. */
export function reviewPath(hash: string): string {
  return `${DIRECTORY}/${hash}`
}

/** Checks that a review is plain text, and returns its hash. Throws FormatError. */
export function reviewHash(bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString('utf8')
  const isText = Buffer.from(text, 'utf8').equals(bytes) && !/[^\P{Cc}\n\t]/u.test(text)
  if (bytes.length > REVIEW_LIMIT || bytes.length === 0 || !isText) {
    throw new FormatError('review', `not plain text (UTF-8) of 1 to ${REVIEW_LIMIT} bytes`, 'the whole file')
  }
  return toHex(sha256(bytes))
}

/** The text of a review; undefined if it is not kept in the repository, or is another text. */
export async function reviewText(repository: OpenRepository, hash: string): Promise<string | undefined> {
  const notes = repository.refs.get(NIXSIG_NOTES)
  if (notes === undefined) return undefined
  const root = await entriesOf(repository, await notesTree(repository, notes.id))
  const directory = root.find(({ name, kind }) => name === DIRECTORY && kind === 'directory')
  if (directory === undefined) return undefined
  const file = (await entriesOf(repository, directory.id)).find(
    ({ name, kind }) => name === hash && kind === 'file',
  )
  if (file === undefined) return undefined
  const size = (await sizesOfType(repository.directory, 'blob', [file.id])).get(file.id)
  if (size === undefined || size > REVIEW_LIMIT) return undefined
  const bytes = await repository.objects.read(file.id, 'blob')
  return toHex(sha256(bytes)) === hash ? Buffer.from(bytes).toString('utf8') : undefined
}
