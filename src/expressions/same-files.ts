/** Whether files that are no longer in a repository are those of a commit. */
import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { realPathOf } from '../files/named-file.ts'
import { ArgumentError } from '../files/regular-file.ts'
import type { OpenRepository } from '../git/open-repository.ts'
import { printable } from '../primitives/printable.ts'
import { narHashOfTree } from '../store/disk-tree-nar.ts'
import { examinedCommit } from './examined-commit.ts'
import { type CheckoutKind, compareTree } from './lock/tree-hash.ts'

/** Files held against a commit. Hashes are SHA-256 of the NAR, lower-case hex. */
export interface FilesMatch {
  /** The real path of the directory. */
  readonly path: string
  readonly narHash: string
  /** How they come from the commit's tree; undefined if they do not. */
  readonly matches: CheckoutKind | undefined
  /** Of the commit's tree as it is. */
  readonly expected: string
}

/**
 * Holds a directory against the tree of a commit: as it is, or as `git archive` writes it. Throws
 * ArgumentError if it is not a directory of plain files, FileError and FormatError.
 */
export async function compareFiles(
  repository: OpenRepository,
  commit: string,
  place: string,
): Promise<FilesMatch> {
  const path = realPathOf(place)
  const name = printable(path)
  if (!lstatSync(path).isDirectory())
    throw new ArgumentError(`${name} is not a directory; next: unpack it, and name what that makes`)
  if (lstatSync(join(path, '.git'), { throwIfNoEntry: false }) !== undefined)
    throw new ArgumentError(`${name} is a work tree of git; next: nixsig lock verify ${name}`)
  const { narHash } = await narHashOfTree(path)
  const { objects, tree } = await examinedCommit(repository, commit)
  const question = { directory: repository.directory, objects, tree, submodules: 'empty' } as const
  const { matches, raw } = await compareTree(question, narHash)
  return { path, narHash, matches, expected: raw }
}
