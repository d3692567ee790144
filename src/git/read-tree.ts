import { type GitTreeEntry, parseGitTree } from '../formats/git-object.ts'
import type { GitObjects } from './objects.ts'

/** The entries at the top of a tree. Throws FileError and FormatError. */
export async function entriesIn(objects: GitObjects, tree: string): Promise<readonly GitTreeEntry[]> {
  return parseGitTree(await objects.read(tree, 'tree'), tree.length / 2)
}
