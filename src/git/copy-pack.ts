import { endOf, startGit } from './run-git.ts'

/**
 * Copies objects from one repository of our own into another: git packs what `lines` ask for, with
 * `options` of `git pack-objects`, and git hashes it and looks for collisions of SHA-1. Returns
 * git's own words if that fails.
 */
export async function copyPack(
  from: string,
  to: string,
  { options, lines }: { readonly options: readonly string[]; readonly lines: string },
): Promise<string | undefined> {
  const pack = startGit({ directory: from }, ['pack-objects', '--stdout', '-q', ...options])
  const index = startGit({ directory: to }, ['index-pack', '--stdin'])
  const ends = Promise.all([endOf(pack), endOf(index)])
  pack.stdout.pipe(index.stdin)
  index.stdout.resume()
  pack.stdin.end(lines)
  return (await ends).find(({ status }) => status !== 0)?.complaint
}
