import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { FileError, readRegularFile } from '../files/regular-file.ts'
import { OBJECT_ID } from '../formats/git-object-id.ts'
import { printable } from '../primitives/printable.ts'

const PACKED_LIMIT = 256 * 1024 * 1024
const LOOSE_LIMIT = 4096

/**
 * Throws FileError if this cannot be a tag's name, or could be taken for an option or for a path
 * elsewhere.
 */
export function assertTagName(tag: string): void {
  if (/^[\p{L}\p{N}][\p{L}\p{N}._+/-]{0,254}$/u.test(tag) && !/\.\.|\/\/|\/\.|\.lock(?:\/|$)|[./]$/.test(tag))
    return
  throw new FileError(`${printable(tag)} cannot be the name of a tag`)
}

/** The text of `packed-refs` (git-pack-refs(1)); empty if the file is absent. Throws FileError. */
export function readPackedRefs(directory: string): string {
  return readRegularFile(join(directory, 'packed-refs'), PACKED_LIMIT)?.toString('utf8') ?? ''
}

/**
 * What the file of one reference says: an object id, unless it is symbolic or malformed. Undefined
 * if the file is absent. Throws FileError.
 */
export function readLooseRef(file: string): string | undefined {
  return readRegularFile(file, LOOSE_LIMIT)?.toString('latin1').replace(/\n$/, '')
}

/**
 * The object id of a tag, read from the repository's files: `refs/tags/NAME`, else `packed-refs`.
 * Throws FileError if there is no such tag, if it is symbolic, or if the repository keeps its
 * references in another way.
 */
export function idOfTag(directory: string, tag: string): string {
  assertTagName(tag)
  if (existsSync(join(directory, 'reftable'))) {
    throw new FileError(
      `${printable(directory)} keeps its references in reftables, which are not read: give the whole id of the commit`,
    )
  }
  const id = looseId(directory, tag) ?? packedId(directory, tag)
  if (id !== undefined) return id
  throw new FileError(`there is no tag ${printable(tag)} in ${printable(directory)}`)
}

function looseId(directory: string, tag: string): string | undefined {
  const id = readLooseRef(join(directory, 'refs/tags', tag))
  if (id === undefined || OBJECT_ID.test(id)) return id
  throw new FileError(`the file of the tag ${printable(tag)} in ${printable(directory)} holds no object id`)
}

/** Finds the line `<id> <name>`, skipping comments and peeled tags (git-pack-refs(1)). */
function packedId(directory: string, tag: string): string | undefined {
  const end = ` refs/tags/${tag}`
  const found = readPackedRefs(directory)
    .split('\n')
    .filter(line => line.endsWith(end) && OBJECT_ID.test(line.slice(0, -end.length)))
  if (found.length > 1) throw new FileError(`two tags ${printable(tag)} in ${printable(directory)}`)
  return found[0]?.slice(0, -end.length)
}
