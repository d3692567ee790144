/** Finds the approval before: the newest one of the same target by somebody whom the policy lists. */
import { keyRing } from '../../crypto/envelope.ts'
import { openWork } from '../../crypto/work.ts'
import { approvalFile, approvedGraphs, graphFile } from '../../evidence/approvals/files.ts'
import { readGraphList } from '../../evidence/approvals/indexes.ts'
import { approvalOpener } from '../../evidence/approvals/opened.ts'
import { FileError } from '../../files/regular-file.ts'
import type { Approval } from '../../formats/in-toto/predicates/approval.ts'
import { parseBuildGraph } from '../../formats/nix/build-graph.ts'
import { graphsApprovedHere, hereGraphFile, readHereApproval } from '../../ledger/here-approvals.ts'
import { listedKeys } from '../../policy/key-standing.ts'
import type { Policy } from '../../policy/policy.ts'
import { FormatError } from '../../primitives/format-error.ts'
import type { ApprovedGraph } from './changes.ts'

/** Units of work (see crypto/work.ts) for all approvals: five seconds. */
const WORK_LIMIT = 100_000

/** An earlier approval, with its graph. */
export interface EarlierApproval extends ApprovedGraph {
  readonly approval: Approval
}

/** The newest approval of the same target; undefined if none can be read. */
export async function approvalBefore(
  policy: Pick<Policy, 'principals'>,
  approval: Pick<Approval, 'expressions' | 'evaluator'>,
  { directories, state }: { readonly directories: readonly string[]; readonly state: string | undefined },
): Promise<EarlierApproval | undefined> {
  const found = [...(await signedIn(policy, directories)), ...(state === undefined ? [] : keptIn(state))]
  const { url } = approval.expressions
  const { target, system } = approval.evaluator
  const alike = found.filter(
    ({ approval: { expressions, evaluator } }) =>
      expressions.url === url && evaluator.target === target && evaluator.system === system,
  )
  alike.sort((one, other) => other.approval.timeApproved - one.approval.timeApproved)
  for (const { approval: earlier, list } of alike) {
    const entries = readable(() => parseBuildGraph(readGraphList(list, earlier.graph.sha256)))
    if (entries !== undefined) return { approval: earlier, entries }
  }
  return undefined
}

interface Found {
  readonly approval: Approval
  /** The file of the list. */
  readonly list: string
}

async function signedIn(
  policy: Pick<Policy, 'principals'>,
  directories: readonly string[],
): Promise<Found[]> {
  const keys = listedKeys(policy)
  const open = approvalOpener(keyRing(keys), undefined)
  const work = openWork(WORK_LIMIT)
  const found: Found[] = []
  for (const directory of new Set(directories)) {
    for (const graph of readable(() => approvedGraphs(directory)) ?? []) {
      const list = graphFile(directory, graph)
      const { approvals } = await open(approvalFile(directory, graph), graph, work)
      found.push(...approvals.map(({ approval }) => ({ approval, list })))
    }
  }
  return found
}

function keptIn(state: string): readonly Found[] {
  const graphs = readable(() => graphsApprovedHere(state)) ?? []
  return graphs.flatMap(graph => {
    const kept = readable(() => readHereApproval(state, graph))
    return kept === undefined ? [] : [{ approval: kept.approval, list: hereGraphFile(state, graph) }]
  })
}

/** What cannot be read is no approval to compare with; judging says what is wrong with it. */
function readable<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof FileError || error instanceof FormatError) return undefined
    throw error
  }
}
