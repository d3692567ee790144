import { endOf, startGit } from './run-git.ts'

/** The repository to copy from, and the one to copy to: both of our own. */
export interface CopyPlaces {
  readonly from: string
  readonly to: string
}

/**
 * Copies objects by a pack. Git hashes each on its way in, and refuses data that is part of a SHA-1
 * collision. `options` and `input` are those of `git pack-objects`. Returns what git says if it
 * fails, unescaped, and undefined if it does not. Throws FileError if git cannot be run.
 */
export async function copyPack(
  { from, to }: CopyPlaces,
  options: readonly string[],
  input: string,
): Promise<string | undefined> {
  const pack = startGit({ directory: from }, ['pack-objects', '--stdout', '-q', ...options])
  const index = startGit({ directory: to }, ['index-pack', '--stdin'])
  const ends = Promise.all([endOf(pack), endOf(index)])
  pack.stdout.pipe(index.stdin)
  index.stdout.resume()
  pack.stdin.end(input)
  return (await ends).find(({ status }) => status !== 0)?.complaint
}
