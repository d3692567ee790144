import { parseGitCommit } from '../formats/git-object.ts'
import type { GitObjects } from '../git/objects.ts'
import type { OpenRepository } from '../git/open-repository.ts'

/** A commit whose objects are safe to use, as `OpenRepository.examined` says. */
export interface ExaminedCommit {
  readonly objects: GitObjects
  /** The bytes of the commit. */
  readonly bytes: Uint8Array
  /** The id of its tree. */
  readonly tree: string
}

/** Reads a commit after it was examined. Throws FileError and FormatError. */
export async function examinedCommit(repository: OpenRepository, commit: string): Promise<ExaminedCommit> {
  const objects = await repository.examined(commit)
  const bytes = await objects.read(commit, 'commit')
  return { objects, bytes, tree: parseGitCommit(bytes).tree }
}

/** The committer's time, in seconds since 1970; undefined if the commit has none that can be read. */
export function committedAt(commit: Uint8Array): number | undefined {
  const [headers = ''] = Buffer.from(commit).toString('latin1').split('\n\n', 1)
  const [, seconds] = /\ncommitter [^\n]*> (\d{1,12}) [+-]\d{4}(?:\n|$)/.exec(headers) ?? []
  return seconds === undefined ? undefined : Number(seconds)
}
