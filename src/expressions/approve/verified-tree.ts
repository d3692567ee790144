/** The tree of a commit that enough people signed, in the store, where nobody can change it. */
import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import type { SignedExpressions, Signers } from '../../formats/in-toto/predicates/approval.ts'
import { sourcePath } from '../../formats/nix/make-store-path.ts'
import type { GitObjects } from '../../git/objects.ts'
import type { OpenRepository } from '../../git/open-repository.ts'
import type { Instant, Policy } from '../../policy/policy.ts'
import type { Refusal } from '../../policy/verdict.ts'
import { printable } from '../../primitives/printable.ts'
import { narHashOfTree } from '../../store/disk-tree-nar.ts'
import { committedAt, examinedCommit } from '../examined-commit.ts'
import { ExpressionError } from '../expression-error.ts'
import { judgeRevision } from '../judge-revision.ts'
import { revCount } from '../lock/locked-attributes.ts'
import { addToStore } from './evaluator.ts'
import type { TreeInStore } from './expression.ts'
import { signersIn } from './signers.ts'
import { writeGitTree } from './write-tree.ts'

/** A commit that meets the policy's `[[inputs]]`, with its tree in the store. */
export interface VerifiedTree extends TreeInStore, Omit<SignedExpressions, keyof Signers> {
  readonly commit: string
  readonly tree: string
  readonly signed: Signers
  /** When the verdict on it ends, if it does. */
  readonly until?: Instant
}

/** A commit, in a repository that is open. */
export interface CommitQuestion {
  readonly repository: OpenRepository
  /** The canonical URL of the repository. */
  readonly url: string
  /** The whole id. */
  readonly commit: string
}

/**
 * Judges a commit and, if it is trusted, writes its tree out of git's objects and adds it to the
 * store. So what is evaluated is what was verified: neither the work tree nor Nix's own fetching
 * has a part in it. `scratch`: an empty directory of this process. Rejects with ExpressionError and
 * FileError.
 */
export async function verifiedTree(
  policy: Policy,
  { repository, url, commit }: CommitQuestion,
  { now, scratch }: { readonly now: Instant; readonly scratch: string },
): Promise<VerifiedTree | { readonly refused: Refusal }> {
  const judged = await judgeRevision(policy, { repository, url, commit }, now)
  const { verdict, revision } = judged
  if (verdict.outcome !== 'trusted') return { refused: verdict }
  if (revision === undefined) throw new ExpressionError('revision', `commit ${commit} could not be read`)
  const { tree, narHash } = revision
  const { objects, bytes } = await examinedCommit(repository, commit)
  const storePath = await treeInStore(objects, revision, scratch)
  const committed = committedAt(bytes)
  if (committed === undefined) throw new ExpressionError('revision', `commit ${commit} has no date`)
  const ends = verdict.until === undefined ? {} : { until: verdict.until }
  const count = await revCount(repository, commit)
  const counted = count === undefined ? {} : { revCount: count }
  // Nix fetches a flake that is a work tree with git, without submodules.
  const info = { commit, narHash, storePath, committed, submodules: false, ...counted }
  return { ...info, url, tree, signed: signersIn(judged), ...ends }
}

/** Throws ExpressionError unless what is in the store has the verified NAR hash. */
export async function treeInStore(
  objects: GitObjects,
  { tree, narHash }: { readonly tree: string; readonly narHash: string },
  scratch: string,
): Promise<string> {
  const directory = join(mkdtempSync(join(scratch, 'tree-')), 'source')
  await writeGitTree(objects, tree, directory)
  const added = await addToStore(directory)
  const expected = sourcePath({ name: 'source', narHash })
  if (added !== expected) {
    throw new ExpressionError('revision', `Nix added the tree as ${printable(added)}, and not as ${expected}`)
  }
  // A path that was there before could have been changed on the disk.
  const { narHash: found } = await narHashOfTree(added)
  if (found === narHash) return added
  throw new ExpressionError(
    'revision',
    `${added} was changed on the disk: its NAR hash is ${found}, and not ${narHash} (nix-store --verify --check-contents --repair)`,
  )
}
