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
  const objects = contents === 'hashed' ? await repository.examined(commit) : repository.objects
  const bytes = await objects.read(commit, 'commit')
  const parsed = parseGitCommit(bytes)
  const { tree } = parsed
  const narHash = contents === 'hashed' ? await narHashOfGitTree(objects, tree, { submodules: 'empty' }) : ''
  return { revision: { commit, tree, narHash }, parsed, bytes }
}
