import { gitOutput } from '../../git/git-output.ts'
import type { OpenRepository } from '../../git/open-repository.ts'

export type Order = 'newer' | 'older' | 'unknown'

/**
 * Whether a commit comes after another one, or before it; unknown if neither is seen in what is
 * here of the history.
 */
export async function ancestry(
  { directory, shallowFile }: OpenRepository,
  from: string,
  to: string,
): Promise<Order> {
  const cut = shallowFile === undefined ? [] : ['--shallow-file', shallowFile]
  const isBefore = async (first: string, second: string) => {
    const { status } = await gitOutput({ directory }, [...cut, 'merge-base', '--is-ancestor', first, second])
    return status === 0
  }
  if (from === '') return 'unknown'
  if (await isBefore(from, to)) return 'newer'
  return (await isBefore(to, from)) ? 'older' : 'unknown'
}
