import { FileError } from '../files/regular-file.ts'
import { printable } from '../primitives/printable.ts'
import { endOf, type GitEnd, type GitPlace, startGit } from './run-git.ts'

/** How a command ended, and what it printed to standard output. */
export interface GitOutput extends GitEnd {
  readonly output: Buffer
}

/**
 * Runs git to its end in a repository of our own. Throws FileError if it prints more than `limit`
 * bytes.
 */
export async function gitOutput(
  place: GitPlace,
  args: readonly string[],
  { input = '', limit = 16 * 1024 * 1024 }: { readonly input?: string; readonly limit?: number } = {},
): Promise<GitOutput> {
  const git = startGit(place, args)
  const end = endOf(git)
  git.stdin.end(input)
  const pieces: Buffer[] = []
  let size = 0
  for await (const piece of git.stdout as AsyncIterable<Buffer>) {
    pieces.push(piece)
    size += piece.length
    if (size <= limit) continue
    git.kill('SIGKILL')
    await end
    throw new FileError(`git ${printable(args[0] ?? '')} prints more than ${limit} bytes`)
  }
  return { ...(await end), output: Buffer.concat(pieces) }
}
