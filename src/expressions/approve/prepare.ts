/** From a signed commit to the build graph that an approver signs. */
import { makeScratch, removeScratch } from '../../files/scratch.ts'
import type { Approval } from '../../formats/in-toto/predicates/approval.ts'
import type { Subject } from '../../formats/in-toto/statement.ts'
import { graphDigest, printBuildGraph } from '../../formats/nix/build-graph.ts'
import type { OpenRepository } from '../../git/open-repository.ts'
import { earliest } from '../../policy/key-standing.ts'
import type { Instant, Policy } from '../../policy/policy.ts'
import type { Refusal } from '../../policy/verdict.ts'
import type { Store } from '../../store/store-client.ts'
import type { InputVerdict } from '../lock/input-verdict.ts'
import type { RepositoryPlaces } from '../lock/repositories.ts'
import { findEvaluator, instantiate, type Permissions } from './evaluator.ts'
import { attributePath, fileExpression, flakeExpression } from './expression.ts'
import { collectGraph } from './graph.ts'
import { fileIn, type Target, titleOf } from './target.ts'
import { verifiedInputs } from './verified-inputs.ts'
import { verifiedTree } from './verified-tree.ts'

/** What is to be approved. */
export interface ApprovalQuestion {
  readonly repository: OpenRepository
  /** The canonical URL of the repository, by which `[[inputs]]` names it. */
  readonly url: string
  /** `HEAD`, a branch, a tag or a commit. */
  readonly revision: string
  readonly target: Target
  /** In place of the system of the Nix on this machine. */
  readonly system: string | undefined
  readonly permissions: Permissions
}

/** An approval without its approver. */
export interface Prepared {
  readonly approval: Omit<Approval, 'approver' | 'timeApproved'>
  /** The derivations at the roots. */
  readonly roots: readonly Subject[]
  /** The list of the graph. */
  readonly list: Uint8Array
  /** When the verdict on some of the expressions ends, if one does. */
  readonly until?: Instant
}

/** What an approval is prepared with. */
export interface Preparing {
  readonly policy: Policy
  readonly store: Store
  readonly now: Instant
  /** Where the repositories of inputs are. */
  readonly places: RepositoryPlaces
}

/** Why nothing can be approved: the commit, or something that its locks pin. */
export type Unapprovable = { readonly refused: Refusal } | { readonly refusedInputs: readonly InputVerdict[] }

/**
 * Verifies who signed a commit and what its lock pins, evaluates its tree, and collects the build
 * graph. Returns the refusals if a revision does not meet the policy. Rejects with ExpressionError,
 * FileError and StoreError.
 */
export async function prepareApproval(
  question: ApprovalQuestion,
  { policy, store, now, places }: Preparing,
): Promise<Prepared | Unapprovable> {
  const { repository, url, target, system, permissions } = question
  const scratch = makeScratch('approve')
  try {
    const commit = await repository.resolve(question.revision)
    const tree = await verifiedTree(policy, { repository, url, commit }, { now, scratch })
    if ('refused' in tree) return tree
    await store.addTempRoot(tree.storePath)
    const evaluator = await findEvaluator(system)
    const locked = await verifiedInputs(tree, { policy, now, places, scratch, evaluator })
    if ('refusedInputs' in locked) return locked
    const expression =
      target.kind === 'file'
        ? fileExpression(tree, fileIn(target.file))
        : flakeExpression(tree, attributePath(target.attribute), {
            system: evaluator.system,
            inputs: locked.inputs,
          })
    const attributes = target.kind === 'file' ? target.attributes : []
    const found = await instantiate(expression, attributes, evaluator, permissions)
    for (const path of found) await store.addTempRoot(path)
    const { entries, roots } = await collectGraph(store, found)
    const list = printBuildGraph(entries)
    const until = earliest([tree.until, locked.until])
    return {
      approval: {
        graph: { sha256: graphDigest(list), lines: entries.length },
        expressions: {
          url: tree.url,
          commit: tree.commit,
          tree: tree.tree,
          narHash: tree.narHash,
          ...tree.signed,
        },
        locks: locked.locks,
        evaluator: { nix: evaluator.version, system: evaluator.system, target: titleOf(target) },
      },
      roots,
      list,
      ...(until === undefined ? {} : { until }),
    }
  } finally {
    removeScratch(scratch)
  }
}
