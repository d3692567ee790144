/** Which commit a person means, read from a repository's files without running git in it. */
import { join } from 'node:path'
import { FileError, readRegularFile } from '../files/regular-file.ts'
import { printable } from '../primitives/printable.ts'
import { gitDirectory, type Layout } from './layout.ts'
import { idOfReference, OBJECT_ID } from './refs.ts'

const HEAD_LIMIT = 4096

/** The places where a short name is looked for, in this order. */
const PREFIXES = ['refs/heads/', 'refs/tags/', 'refs/remotes/origin/']

/** Those of a branch. */
const BRANCHES = ['refs/heads/', 'refs/remotes/origin/']

/**
 * The object that a revision names: a whole id, `HEAD`, a branch, a tag, or a branch of origin. The
 * object of a tag may be the tag itself. Throws FileError if there is no such thing.
 */
export function idOfRevision(place: string, layout: Layout, revision: string): string {
  if (OBJECT_ID.test(revision)) return revision
  if (revision === 'HEAD') return idOfHead(place, layout)
  return idUnder(layout, revision, PREFIXES, 'revision')
}

/** The commit of a branch, here or of origin. Throws FileError. */
export function idOfBranch(layout: Layout, branch: string): string {
  return idUnder(layout, branch, BRANCHES, 'branch')
}

function idUnder(
  { directory }: Layout,
  name: string,
  prefixes: readonly string[],
  what: 'revision' | 'branch',
): string {
  const full = name.startsWith('refs/') ? [name] : prefixes.map(prefix => prefix + name)
  for (const each of full) {
    const id = idOfReference(directory, each)
    if (id !== undefined) return id
  }
  const next = what === 'branch' ? 'a branch, here or of origin' : 'a whole id, HEAD, a branch or a tag'
  throw new FileError(`there is no ${what} ${printable(name)} in ${printable(directory)}: give ${next}`)
}

function idOfHead(place: string, { directory }: Layout): string {
  const file = join(gitDirectory(place), 'HEAD')
  const text = readRegularFile(file, HEAD_LIMIT)?.toString('utf8').replace(/\n$/, '') ?? ''
  if (OBJECT_ID.test(text)) return text
  const branch = text.startsWith('ref: refs/') ? text.slice('ref: '.length) : undefined
  const id = branch === undefined ? undefined : idOfReference(directory, branch)
  if (id !== undefined) return id
  throw new FileError(`${printable(file)} leads to no commit: give the revision`)
}
