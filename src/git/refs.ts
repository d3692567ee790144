import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { FileError, readRegularFile } from '../files/regular-file.ts'
import { printable } from '../primitives/printable.ts'

const PACKED_LIMIT = 256 * 1024 * 1024
const LOOSE_LIMIT = 4096

/** A full object id in hex. */
export const OBJECT_ID = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/

/**
 * Throws FileError if this cannot be a tag's name, or could be taken for an option or for a path
 * elsewhere.
 */
export function assertTagName(tag: string): void {
  if (/^[\p{L}\p{N}][\p{L}\p{N}._+/-]{0,254}$/u.test(tag) && !/\.\.|\/\/|\/\.|\.lock(?:\/|$)|[./]$/.test(tag))
    return
  throw new FileError(`${printable(tag)} cannot be the name of a tag`)
}

/**
 * The object id of a tag, read from the repository's files: `refs/tags/NAME`, else `packed-refs`.
 * Throws FileError if there is no such tag, if it is symbolic, or if the repository keeps its
 * references in another way.
 */
export function idOfTag(directory: string, tag: string): string {
  const id = idOfReference(directory, `refs/tags/${tag}`)
  if (id !== undefined) return id
  throw new FileError(`there is no tag ${printable(tag)} in ${printable(directory)}`)
}

/**
 * The object id of a reference such as `refs/heads/main`; undefined if absent. Throws FileError if
 * its last part cannot be a tag's name, and as idOfTag does.
 */
export function idOfReference(directory: string, name: string): string | undefined {
  assertTagName(name.replace(/^refs\/[a-z]+\//, ''))
  if (existsSync(join(directory, 'reftable'))) {
    throw new FileError(
      `${printable(directory)} keeps its references in reftables, which are not read: give the whole id of the commit`,
    )
  }
  return looseId(directory, name) ?? packedId(directory, name)
}

function looseId(directory: string, name: string): string | undefined {
  const file = join(directory, name)
  if (statSync(file, { throwIfNoEntry: false })?.isDirectory()) return undefined
  const text = readRegularFile(file, LOOSE_LIMIT)?.toString('latin1')
  if (text === undefined) return undefined
  const id = text.replace(/\n$/, '')
  if (OBJECT_ID.test(id)) return id
  throw new FileError(`the file of ${titleOf(name)} in ${printable(directory)} holds no object id`)
}

function titleOf(name: string): string {
  return name.startsWith('refs/tags/')
    ? `the tag ${printable(name.slice('refs/tags/'.length))}`
    : `the reference ${printable(name)}`
}

/** Finds the line `<id> <name>`, skipping comments and peeled tags (git-pack-refs(1)). */
function packedId(directory: string, name: string): string | undefined {
  const text = readRegularFile(join(directory, 'packed-refs'), PACKED_LIMIT)?.toString('utf8') ?? ''
  const end = ` ${name}`
  const found = text
    .split('\n')
    .filter(line => line.endsWith(end) && OBJECT_ID.test(line.slice(0, -end.length)))
  if (found.length > 1) throw new FileError(`twice in ${printable(directory)}: ${titleOf(name)}`)
  return found[0]?.slice(0, -end.length)
}
