import type { JsonObject, JsonValue } from '../../formats/json/strict.ts'
import type { LockNode } from '../../formats/locks/flake-lock.ts'
import type { GitPin } from '../../formats/locks/locked-input.ts'
import { gitOutput } from '../../git/git-output.ts'
import type { OpenRepository } from '../../git/open-repository.ts'
import { narHashOfGitTree } from '../../git/tree-nar.ts'
import { committedAt, examinedCommit } from '../examined-commit.ts'
import { LockError } from './lock-error.ts'
import { archivedHash, compareTree } from './tree-hash.ts'
import { narHashWords } from './words.ts'

/** The first minor version of Nix 2 that hashes the tree of a commit as it is. */
const HASHES_TREES = 20

/** What belongs to the old commit. */
const OF_COMMIT = ['rev', 'narHash', 'lastModified', 'revCount', 'treeHash']

/** What a node is to be locked to. */
export interface Locking {
  readonly node: LockNode
  readonly pin: GitPin
  /** Has the commit with its tree. */
  readonly repository: OpenRepository
  /** Has its history, as far as it is here. */
  readonly history: OpenRepository
  readonly commit: string
  readonly minor: number
}

/**
 * What a node is locked to at another commit, as Nix itself would write it. The number of commits
 * is left out where the history is not here. Throws LockError if what Nix hashes cannot be known.
 */
export async function lockedAt({
  node,
  pin,
  repository,
  history,
  commit,
  minor,
}: Locking): Promise<JsonObject> {
  const { value } = node.written
  const old = value instanceof Map ? value.get('locked') : undefined
  if (!(old instanceof Map)) throw new LockError('the node is not locked')
  if (old.get('exportIgnore') !== undefined) throw new LockError('exportIgnore is not known here')
  const { objects, bytes, tree } = await examinedCommit(repository, commit)
  const question = { directory: repository.directory, objects, tree, submodules: 'empty' } as const
  const isRaw = pin.form === 'repository' && minor >= HASHES_TREES
  const hash = isRaw ? await narHashOfGitTree(objects, tree, question) : await archivedHash(question)
  if (hash === undefined) {
    throw new LockError(
      'its attributes have export-subst: nobody can know what an archive of it will have in it',
    )
  }
  const kept = [...old].filter(([name]) => !OF_COMMIT.includes(name)) as [string, JsonValue][]
  const count = old.has('revCount') ? await revCount(history, commit) : undefined
  return new Map<string, JsonValue>([
    ...kept,
    ['rev', commit],
    ['narHash', narHashWords(hash)],
    ['lastModified', timeOf(bytes)],
    ...(count === undefined ? [] : [['revCount', count] as const]),
  ])
}

/**
 * Whether a node that is locked to this commit says of it what is so: the NAR hash that some Nix
 * computes, the time, and the number of commits where that is known. Throws FileError and
 * FormatError.
 */
export async function isLockedRight({ node, pin, repository, history, commit }: Locking): Promise<boolean> {
  const { value } = node.written
  const locked = value instanceof Map ? value.get('locked') : undefined
  if (!(locked instanceof Map)) return false
  const { objects, bytes, tree } = await examinedCommit(repository, commit)
  const time = locked.get('lastModified')
  if (time !== undefined && time !== timeOf(bytes)) return false
  const count = locked.get('revCount')
  const counted = count === undefined ? undefined : await revCount(history, commit)
  if (counted !== undefined && count !== counted) return false
  // The commit alone pins the files of a repository, and not those of an archive.
  if (pin.narHash === undefined) return pin.form === 'repository'
  const question = { directory: repository.directory, objects, tree, submodules: 'empty' } as const
  return (await compareTree(question, pin.narHash)).matches !== undefined
}

/** The committer's time, in seconds since 1970. */
function timeOf(commit: Uint8Array): number {
  const time = committedAt(commit)
  if (time === undefined) throw new LockError('the commit does not say when it was made')
  return time
}

/** How many commits lead to one, itself too; undefined where the history is not here. */
export async function revCount(
  { directory, shallowFile }: OpenRepository,
  commit: string,
): Promise<number | undefined> {
  if (shallowFile !== undefined) return undefined
  const { status, output } = await gitOutput({ directory }, ['rev-list', '--count', commit, '--'])
  return status === 0 ? Number(output.toString('latin1')) : undefined
}
