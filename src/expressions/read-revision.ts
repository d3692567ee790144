import { FileError } from '../files/regular-file.ts'
import { type GitCommit, parseGitCommit } from '../formats/git-object.ts'
import type { OpenRepository } from '../git/open-repository.ts'
import { narHashOfGitTree } from '../git/tree-nar.ts'
import type { Revision } from './revision.ts'

/** A commit that was read, with its parts and the bytes of the object. */
export interface ReadRevision {
  readonly revision: Revision
  readonly parsed: GitCommit
  readonly bytes: Uint8Array
}

/**
 * Reads a commit and, unless only ids are asked for, hashes its tree as it is, with an empty
 * directory for each submodule: the tree's id covers which commit of it is meant. Throws FileError
 * and FormatError.
 */
export async function readRevision(
  repository: OpenRepository,
  commit: string,
  contents: 'hashed' | 'by-id',
): Promise<ReadRevision> {
  const bytes = await repository.objects.read(commit, 'commit')
  const parsed = parseGitCommit(bytes)
  const read = { revision: { commit, tree: parsed.tree, narHash: '' }, parsed, bytes }
  return contents === 'hashed' ? withContents(repository, read) : read
}

/**
 * Adds the NAR hash of its tree to a commit that was read by its id. Throws FileError, also if git
 * finds a collision, and FormatError.
 */
export async function withContents(repository: OpenRepository, read: ReadRevision): Promise<ReadRevision> {
  const { commit, tree } = read.revision
  const objects = await repository.examined(commit)
  if (!Buffer.from(read.bytes).equals(await objects.read(commit, 'commit'))) {
    throw new FileError(`git: commit ${commit} has two contents`)
  }
  const narHash = await narHashOfGitTree(objects, tree, { submodules: 'empty' })
  return { ...read, revision: { ...read.revision, narHash } }
}
