import { FileError } from '../../files/regular-file.ts'
import { parseGitTag } from '../../formats/git-object.ts'
import { openGitObjects } from '../objects.ts'

/**
 * The commit with this id, or that a tag object with this id is of. A signature of the tag is not
 * looked at. Throws FileError if there is neither, FormatError for a tag of something else.
 */
export async function commitOf(directory: string, id: string): Promise<string> {
  const commit = await readOr(directory, id, 'commit')
  if (commit !== undefined) return id
  const tag = await readOr(directory, id, 'tag')
  if (tag !== undefined) return parseGitTag(tag).commit
  throw new FileError(`there is no commit ${id} in the repository, or it cannot be read`)
}

/** Each question has a git of its own: one that meets another type has not read it to the end. */
async function readOr(
  directory: string,
  id: string,
  type: 'commit' | 'tag',
): Promise<Uint8Array | undefined> {
  const objects = openGitObjects(directory)
  try {
    return await objects.read(id, type)
  } catch (error) {
    if (error instanceof FileError) return undefined
    throw error
  } finally {
    objects.close()
  }
}
