/**
 * The history of a commit, as git walks it, with every commit hashed again here: no pack index can
 * place a commit where it does not belong.
 */
import { FileError } from '../files/regular-file.ts'
import { parseGitCommit } from '../formats/git-object.ts'
import { printable } from '../primitives/printable.ts'
import type { OpenRepository } from './open-repository.ts'
import { endOf, startGit } from './run-git.ts'
import { wholeObjects } from './whole-objects.ts'

/** Bytes of one commit. */
const COMMIT_LIMIT = 1024 * 1024

/** A commit in a history. */
export interface HistoricCommit {
  readonly id: string
  /** The contents of the object; they stay valid. */
  readonly bytes: Buffer
}

/**
 * The commits from one back, the newest first by their dates, each after a commit that names it as
 * a parent. `until`: only itself and the commits that come after it, by their parents; none at all
 * if `start` is not one of these. Stop it early, and git stops as well. Throws FileError if a
 * commit is missing, does not have its id, or is not in the history.
 */
export async function* historyOf(
  { directory, shallowFile }: Pick<OpenRepository, 'directory' | 'shallowFile'>,
  start: string,
  until?: string,
): AsyncGenerator<HistoricCommit> {
  const cut = shallowFile === undefined ? [] : ['--shallow-file', shallowFile]
  const after = until === undefined ? [] : ['--ancestry-path', '--not', until]
  // One write for many ids, not one for each.
  const env = { GIT_FLUSH: '0' }
  const list = startGit({ directory, env }, [...cut, 'rev-list', start, ...after, '--'])
  const read = startGit({ directory }, ['cat-file', '--batch', '--buffer'])
  const ends = Promise.all([endOf(list), endOf(read)])
  list.stdout.pipe(read.stdin, { end: false })
  list.stdout.once('end', () => read.stdin.end(until === undefined ? '' : `${until}\n`))
  list.stdin.end()
  try {
    const expected = new Set([start])
    for await (const { id, type, contents: bytes } of wholeObjects(read.stdout, COMMIT_LIMIT)) {
      if (type !== 'commit') throw new FileError(`git: ${id} is a ${type}, where a commit is needed`)
      const isNamed = expected.delete(id)
      if (!isNamed && id === until) continue
      if (!isNamed) throw new FileError(`git lists ${id}, which no commit before it names as a parent`)
      for (const parent of parentsOf(bytes)) expected.add(parent)
      yield { id, bytes }
    }
    const failed = (await ends).find(({ status }) => status !== 0)
    if (failed !== undefined) {
      throw new FileError(`cannot read the history of ${start}: ${printable(failed.complaint, 300)}`)
    }
  } finally {
    for (const git of [list, read]) {
      git.kill('SIGKILL')
      // A process counts as ended when nothing is left of what it printed.
      git.stdout.destroy()
    }
    await ends
  }
}

/**
 * Whether a commit is another one or comes after it, by parents that are all hashed here. Throws
 * FileError as historyOf does.
 */
export async function comesAfter(
  repository: Pick<OpenRepository, 'directory' | 'shallowFile'>,
  old: string,
  commit: string,
): Promise<boolean> {
  for await (const { id } of historyOf(repository, commit, old)) if (id === old) return true
  return false
}

/** As git reads them: the lines after that of the tree. Most commits are not read any further. */
function parentsOf(bytes: Buffer): readonly string[] {
  const text = bytes.toString('latin1', 0, 4096)
  if (!/^tree [0-9a-f]+\n(?:parent [0-9a-f]+\n)*author /.test(text)) return parseGitCommit(bytes).parents
  return [...text.slice(0, text.indexOf('\nauthor ')).matchAll(/\nparent ([0-9a-f]+)/g)].map(
    ([, id = '']) => id,
  )
}
