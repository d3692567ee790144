/** The commits of a history, copied from somebody else's repository and read once. */
import { FileError } from '../../files/regular-file.ts'
import { type GitCommit, type GitTreeEntry, parseGitCommit, parseGitTree } from '../../formats/git-object.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { readObjects } from './all-objects.ts'
import { type Pair, packAcross } from './pack-across.ts'
import { HistoryRefused } from './refusal.ts'

/** Bytes of all commits together. They are kept until their signatures are verified. */
const SIZE_LIMIT = 1024 * 1024 * 1024

/** A commit, and the entry that its tree has for the file that was asked for. */
export interface HistoryCommit extends GitCommit {
  readonly id: string
  readonly file: GitTreeEntry | undefined
}

/** Commits by their ids; of those that cannot be read, why. */
export type Commits = ReadonlyMap<string, GitCommit | FormatError>

/** Commits with the file that was asked for. */
export interface History {
  has(id: string): boolean
  /** Throws HistoryRefused if the commit, or the top of its tree, is absent or malformed. */
  commit(id: string): HistoryCommit
}

/**
 * Reads every commit of a repository of our own. Throws FileError, also for more than 1 GiB of
 * them.
 */
export async function readCommits(directory: string): Promise<Commits> {
  const commits = new Map<string, GitCommit | FormatError>()
  let size = 0
  for await (const { id, type, contents } of readObjects(directory, 'all')) {
    if (type !== 'commit') continue
    size += contents.length
    if (size > SIZE_LIMIT) throw new FileError(`the history has more than ${SIZE_LIMIT} bytes of commits`)
    commits.set(
      id,
      orFormatError(() => readCommit(id, contents)),
    )
  }
  return commits
}

/** A commit. Throws HistoryRefused if it is absent or malformed. */
export function commitIn(commits: Commits, id: string): GitCommit {
  const commit = commits.get(id)
  if (commit === undefined) throw missing(id, 'the commit is not in the repository')
  if (commit instanceof FormatError) throw malformed(id, commit)
  return commit
}

/**
 * Copies the tops of the trees of these commits, each once, and finds the file with this name in
 * them. Throws HistoryRefused if a commit is absent or malformed, or a tree is absent.
 */
export async function withFiles(
  pair: Pair,
  commits: Commits,
  { ids, fileName }: { readonly ids: readonly string[]; readonly fileName: string },
): Promise<History> {
  const trees = new Set(ids.map(id => commitIn(commits, id).tree))
  await orRefusal(ids, commits, () => packAcross(pair, { lines: trees, as: 'objects' }))
  const files = new Map<string, GitTreeEntry | FormatError | undefined>()
  for await (const { id, type, contents } of readObjects(pair.received, trees)) {
    if (type === 'tree')
      files.set(
        id,
        orFormatError(() => entryOf(id, contents, fileName)),
      )
  }
  const read = new Map(ids.map(id => [id, joined(id, commitIn(commits, id), files)]))
  return {
    has: id => read.has(id),
    commit: id => {
      const commit = read.get(id)
      if (commit === undefined) throw missing(id, 'the commit was not copied')
      if (commit.file instanceof FormatError) throw malformed(id, commit.file)
      return commit as HistoryCommit
    },
  }
}

function joined(
  id: string,
  commit: GitCommit,
  files: ReadonlyMap<string, GitTreeEntry | FormatError | undefined>,
): Omit<HistoryCommit, 'file'> & { readonly file: GitTreeEntry | FormatError | undefined } {
  if (!files.has(commit.tree)) throw missing(id, `its tree ${commit.tree} is not a tree`)
  return { ...commit, id, file: files.get(commit.tree) }
}

/** Does what copies the trees of commits, and refuses the commit of the one that git names. */
async function orRefusal(ids: readonly string[], commits: Commits, act: () => Promise<void>): Promise<void> {
  try {
    await act()
  } catch (error) {
    if (!(error instanceof FileError)) throw error
    const { message } = error
    const named = ids.find(id => message.includes(commitIn(commits, id).tree)) ?? ids[0] ?? ''
    throw missing(named, `git cannot read its tree: ${message}`)
  }
}

/** Git signs for one kind of ids; a signature for the other kind is not over these bytes. */
function readCommit(id: string, contents: Uint8Array): GitCommit {
  const commit = parseGitCommit(contents)
  const foreign = id.length === 40 ? '\ngpgsig-sha256 ' : '\ngpgsig '
  const text = Buffer.from(contents.buffer, contents.byteOffset, contents.byteLength)
  const isForeign = text.subarray(0, text.indexOf('\n\n')).includes(foreign)
  return isForeign ? { ...commit, signed: undefined } : commit
}

function entryOf(id: string, contents: Uint8Array, name: string): GitTreeEntry | undefined {
  return parseGitTree(contents, id.length / 2).find(entry => entry.name === name)
}

/** What is read, or why it cannot be read. */
export function orFormatError<T>(read: () => T): T | FormatError {
  try {
    return read()
  } catch (error) {
    if (error instanceof FormatError) return error
    throw error
  }
}

/** The refusal of a history that is not there as a whole. `found` is escaped. */
export function missing(commit: string, found: string): HistoryRefused {
  return new HistoryRefused({
    code: 'missing-object',
    commit,
    rule: 'A1',
    needed: 'the whole history from the introduction on',
    found,
    next: 'fetch what is missing, and try again',
  })
}

function malformed(commit: string, error: FormatError): HistoryRefused {
  return new HistoryRefused({
    code: 'malformed',
    commit,
    rule: 'A1',
    needed: 'commits and trees that every reader reads in one way',
    found: error.message,
    next: 'ask who made it; if it is old and harmless, introduce the history by a later commit',
  })
}
