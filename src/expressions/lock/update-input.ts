/** Moves an input of a flake.lock to the newest commit that the right people signed. */
import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { assertDirectory } from '../../files/named-file.ts'
import { replaceFile } from '../../files/replace-file.ts'
import { type FlakeLock, type LockNode, nodeAt, parseFlakeLock } from '../../formats/locks/flake-lock.ts'
import type { GitPin } from '../../formats/locks/locked-input.ts'
import { relock } from '../../formats/locks/relock.ts'
import { printable } from '../../primitives/printable.ts'
import { judgeRevision, type RevisionVerdict } from '../judge-revision.ts'
import type { Order } from './ancestry.ts'
import { innerLock } from './inner-lock.ts'
import { LockError } from './lock-error.ts'
import { readLock } from './lock-files.ts'
import { isLockedRight, lockedAt } from './locked-attributes.ts'
import { openRepositories } from './repositories.ts'
import { type BranchQuestion, searchBranch } from './search-branch.ts'

/** Which input is to be moved, and where its commits are. */
export interface UpdateQuestion extends BranchQuestion {
  /** The directory with flake.lock. */
  readonly directory: string
  /** Names of inputs that lead to it, with slashes between them. */
  readonly input: string
  /** The minor version of the Nix 2 that is to evaluate the lock. */
  readonly minor: number
}

/** What became of the input. */
export type Update =
  /**
   * It was moved to `found`, or is there already; mended: the hash, time or count that the lock had
   * for that commit was wrong, and is now right.
   */
  | {
      readonly kind: 'moved' | 'mended' | 'unchanged'
      readonly from: string
      readonly found: RevisionVerdict
      readonly isUnknownOrder: boolean
    }
  /** None of the commits that were looked at meets the rule; the verdict on the newest one. */
  | { readonly kind: 'none'; readonly newest: RevisionVerdict; readonly looked: number }

/** Updates flake.lock. Throws LockError if that cannot be done, FileError and FormatError. */
export async function updateInput(question: UpdateQuestion): Promise<Update> {
  assertDirectory(question.directory)
  const file = join(question.directory, 'flake.lock')
  const bytes = readLock(question.directory, 'flake.lock')
  if (bytes === undefined) throw new LockError(`there is no ${printable(file)}; next: nix flake lock`)
  const lock = parseFlakeLock(bytes)
  const path = question.input.split('/')
  const { node, pin } = movable(lock, path)
  const repositories = openRepositories(question.places)
  const search = { question, pin, branch: branchOf(node, pin), repositories }
  const { history, head, nearest, order } = await searchBranch(search)
  try {
    const { found, walked } = nearest
    const commit = found?.commit ?? head
    const repository = await repositories.holding(pin.url, pin.from, commit)
    if (found === undefined) {
      const newest = await judgeRevision(question.policy, { repository, url: pin.url, commit }, question.now)
      return { kind: 'none', newest, looked: walked }
    }
    const from = pin.commit ?? ''
    const locking = { node, pin, repository, history, commit, minor: question.minor }
    if (commit === from) {
      const stays = { from, found, isUnknownOrder: false }
      if (await isLockedRight(locking)) return { kind: 'unchanged', ...stays }
      await write(file, relock(lock, { path, locked: await lockedAt(locking), inner: 'kept' }))
      return { kind: 'mended', ...stays }
    }
    if (from !== '' && order !== 'newer' && !question.allowOlder) throw notNewer(question, order, commit)
    const locked = await lockedAt(locking)
    const inner = await innerLock({ node, repository, commit })
    await write(file, relock(lock, { path, locked, inner }))
    return { kind: 'moved', from, found, isUnknownOrder: order === 'unknown' }
  } finally {
    history.close()
    await repositories.close()
  }
}

function notNewer({ depth }: UpdateQuestion, order: Order, commit: string): LockError {
  const what = `the newest commit that meets the rule, ${commit},`
  return new LockError(
    order === 'older'
      ? `${what} comes before the one that is locked: it is not moved back without --allow-older`
      : `whether ${what} comes after the one that is locked is not in the last ${depth} commits: look at more (--depth), or find out why, and give --allow-older`,
  )
}

/** The node of an input that has a branch to follow. */
function movable(
  lock: FlakeLock,
  path: readonly string[],
): { readonly node: LockNode; readonly pin: GitPin } {
  assertNamed(lock, path)
  const node = nodeAt(lock, path)
  const { pin } = node
  const name = printable(path.join('/'), 100)
  if (lock.version === 5) throw new LockError('flake.lock has version 5: nix flake lock writes it again')
  if (pin?.kind !== 'git') throw new LockError(`${name} is not a commit of a git repository`)
  if (pin.submodules || pin.lfs)
    throw new LockError(`${name} has submodules or LFS: update it with nix flake update, and verify the lock`)
  return { node, pin }
}

/** Throws LockError, which says what there is, if the names lead to no input. */
function assertNamed(lock: FlakeLock, path: readonly string[]): void {
  for (const [index, name] of path.entries()) {
    const above = path.slice(0, index)
    const { inputs } = nodeAt(lock, above)
    if (inputs.has(name)) continue
    const named = [...inputs.keys()].slice(0, 20).map(each => [...above, each].join('/'))
    const there = named.length === 0 ? 'it has no inputs' : `there are: ${printable(named.join(', '), 1000)}`
    throw new LockError(`no input ${printable(path.slice(0, index + 1).join('/'), 100)}; ${there}`)
  }
}

/** The branch that the flake names, or that the lock says. */
function branchOf({ written }: LockNode, pin: GitPin): string | undefined {
  const original = originalOf(written.value)
  if (typeof original.get('rev') === 'string') {
    throw new LockError('flake.nix names the commit of this input: change it there')
  }
  const ref = original.get('ref') ?? pin.ref
  return typeof ref === 'string' ? ref.replace(/^refs\/heads\//, '') : undefined
}

function originalOf(node: LockNode['written']['value']): ReadonlyMap<string, unknown> {
  const original = node instanceof Map ? node.get('original') : undefined
  return original instanceof Map ? original : new Map()
}

/** Readers see the old lock or the new one, which has the rights of the old one. */
async function write(file: string, text: string): Promise<void> {
  const { mode } = lstatSync(file)
  await replaceFile(file, text, mode & 0o777)
}
