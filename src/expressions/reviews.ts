/** Reviews: plain texts beside nixsig's notes, named by their SHA-256, which signatures cover. */
import { NIXSIG_NOTES, notesTree } from '../git/notes.ts'
import { entriesOf } from '../git/notes-walk.ts'
import { sizesOfType } from '../git/object-sizes.ts'
import type { OpenRepository } from '../git/open-repository.ts'
import { FormatError } from '../primitives/format-error.ts'
import { toHex } from '../primitives/hex.ts'
import { sha256 } from '../primitives/sodium.ts'

/** Bytes of a review. */
export const REVIEW_LIMIT = 256 * 1024

const DIRECTORY = 'reviews'

/** The path in the tree of notes of the review with this hash. */
export function reviewPath(hash: string): string {
  return `${DIRECTORY}/${hash}`
}

/** Returns the hash of a review. Throws FormatError if it is not plain text. */
export function reviewHash(bytes: Uint8Array): string {
  assertPlainText(bytes)
  return toHex(sha256(bytes))
}

/** Control characters could show a reader something else than what was signed. Throws FormatError. */
export function assertPlainText(bytes: Uint8Array): void {
  const refuse = (problem: string, where: string) => {
    const needed = `it must be plain text (UTF-8) of 1 to ${REVIEW_LIMIT} bytes`
    throw new FormatError('review', `${problem}: ${needed}`, where)
  }
  if (bytes.length === 0) refuse('is empty', 'the whole file')
  if (bytes.length > REVIEW_LIMIT) refuse(`has ${bytes.length} bytes`, 'the whole file')
  const text = Buffer.from(bytes).toString('utf8')
  if (!Buffer.from(text, 'utf8').equals(bytes)) refuse('is not UTF-8', 'the whole file')
  const control = /[^\P{Cc}\n\t]/u.exec(text)
  if (control === null) return
  const code = control[0].charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')
  refuse(`has the control character U+${code}`, `line ${text.slice(0, control.index).split('\n').length}`)
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
