import { FileError } from '../files/regular-file.ts'
import { printable } from '../primitives/printable.ts'
import type { OpenRepository } from './open-repository.ts'
import { endOf, startGit } from './run-git.ts'

/** Characters of a line that are shown. */
const LINE_LIMIT = 20_000

/**
 * The empty tree, as a source of attributes: no file in the repository may hide changes in others.
 */
const EMPTY_TREE = {
  20: '4b825dc642cb6eb9a060e54bf8d69288fbee4904',
  32: '6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321',
}

/** Two commits to compare; `summary`: only the files and the number of lines. */
export interface DiffRange {
  readonly from: string
  readonly to: string
  readonly summary: boolean
}

/**
 * The difference between two commits, line by line, as text in which control and invisible
 * characters are escaped. Runs no external diff, no textconv and no filter; renames are not
 * guessed; submodules are shown by their ids. Throws FileError.
 */
export async function* escapedDiff(
  { directory, idSize }: Pick<OpenRepository, 'directory' | 'idSize'>,
  { from, to, summary }: DiffRange,
): AsyncGenerator<string> {
  const form = summary ? ['--stat=120'] : ['--text', '--patch']
  const options = [
    '--no-ext-diff',
    '--no-textconv',
    '--no-color',
    '--no-renames',
    '--submodule=short',
    ...form,
  ]
  const env = { GIT_ATTR_SOURCE: EMPTY_TREE[idSize] }
  const git = startGit({ directory, env }, ['diff', ...options, from, to, '--'])
  const end = endOf(git)
  git.stdin.end()
  let rest = ''
  try {
    for await (const piece of git.stdout.setEncoding('utf8') as AsyncIterable<string>) {
      const lines = (rest + piece).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) yield visible(line)
      rest = rest.slice(0, LINE_LIMIT + 1)
    }
    if (rest !== '') yield visible(rest)
    const { status, complaint } = await end
    if (status !== 0) throw new FileError(`cannot compare ${from} with ${to}: ${printable(complaint, 300)}`)
  } finally {
    git.kill('SIGKILL')
  }
}

/** As printable() does, but tabulators and backslashes stay as they are. */
function visible(line: string): string {
  return line
    .split(/([\t\\])/)
    .map(part => (part === '\t' || part === '\\' ? part : printable(part, LINE_LIMIT)))
    .join('')
}
