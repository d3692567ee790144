import { FileError } from '../../files/regular-file.ts'
import { parseGitCommit } from '../../formats/git-object.ts'
import { type GitObjects, openGitObjects } from '../objects.ts'
import { missing as missingObject } from './history.ts'

/** Commits that are looked at. */
const LIMIT = 5_000_000

/**
 * Throws HistoryRefused unless every one of these commits is one that a root builds on. Git said
 * so, but it read objects that may be anything; here each is hashed. The nearest are looked at
 * first.
 */
export async function assertBuiltOn(
  view: string,
  roots: readonly string[],
  wanted: readonly string[],
): Promise<void> {
  const missing = new Set(wanted)
  if (missing.size === 0) return
  const objects = openGitObjects(view)
  try {
    const queue = [...roots]
    const seen = new Set(roots)
    for (let at = 0; at < queue.length && missing.size > 0 && at < LIMIT; at++) {
      for (const parent of await parentsOf(objects, queue[at] ?? '')) {
        missing.delete(parent)
        if (!seen.has(parent)) queue.push(parent)
        seen.add(parent)
      }
    }
  } finally {
    objects.close()
  }
  const [commit] = missing
  if (commit === undefined) return
  throw missingObject(commit, 'the repository says that the introduction builds on it, and it does not')
}

/** Those of a commit that is not there, as below a shallow clone, are unknown. */
async function parentsOf(objects: GitObjects, id: string): Promise<readonly string[]> {
  try {
    return parseGitCommit(await objects.read(id, 'commit')).parents
  } catch (error) {
    if (error instanceof FileError) return []
    throw error
  }
}
