/** Finds who approved a build graph that contains a path. */
import { keyRing } from '../../crypto/envelope.ts'
import { openWork, type Work } from '../../crypto/work.ts'
import { FileError } from '../../files/regular-file.ts'
import type { GraphEntry } from '../../formats/nix/build-graph.ts'
import { parseStorePath } from '../../formats/nix/store-path.ts'
import { listedKeys } from '../../policy/key-standing.ts'
import type { Evidence, Stray, Trouble } from '../../policy/verdict.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { toHex } from '../../primitives/hex.ts'
import { assertAttestationDirectory } from '../attestation-files.ts'
import type { TrustedSigners } from '../attestations.ts'
import type { GraphLookup } from '../graph-lookup.ts'
import { approvalFile, approvedGraphs, graphFile } from './files.ts'
import type { GraphIndexes } from './indexes.ts'
import { type ApprovalOpener, approvalOpener, type SignedApproval } from './opened.ts'

/** Units of work (see crypto/work.ts) that may be spent on one question: one second. */
const WORK_LIMIT = 20_000

/** What was found in one graph, or in one place that cannot be read. */
export interface FoundApprovals extends Pick<Evidence, 'strays' | 'troubles'> {
  readonly approvals: readonly SignedApproval[]
}

/**
 * Yields, graph by graph, the approvals of graphs that have this entry: this path with this
 * SHA-256. The caller stops when it has enough. Never rejects for what is in a directory.
 */
export type ApprovalSearch = (entry: GraphEntry, bring?: BringList) => AsyncGenerator<FoundApprovals>

/**
 * Fetches the list of a graph that a listed key approved into a directory, if that is the mirror of
 * a source. Resolves to what kept it from coming.
 */
export type BringList = (directory: string, graph: string) => Promise<Trouble | undefined>

/** What a search needs to know of this machine. */
export interface SearchPlace {
  readonly indexes: GraphIndexes
  /** This machine's own key, 32 raw bytes, whose word is not evidence here. */
  readonly machineKey: Uint8Array | undefined
}

/** Makes a search of the policy's directories. To ask about several paths, make it once. */
export function approvalSearch(policy: TrustedSigners, { indexes, machineKey }: SearchPlace): ApprovalSearch {
  const listed = listedKeys(policy)
  const open = approvalOpener(keyRing(listed), machineKey && `ed25519:${toHex(machineKey)}`)
  return async function* (entry, bring = async () => undefined) {
    const means = { open, indexes, work: openWork(WORK_LIMIT) }
    const unknown: Question[] = []
    for (const directory of policy.attestations) {
      const { graphs, troubles } = graphsIn(directory)
      if (troubles.length > 0) yield { ...NOTHING, troubles }
      for (const graph of graphs) {
        const question = { directory, graph, entry }
        const found = await guarded(question, () => searchKnown(question, means))
        if (found === 'unknown') unknown.push(question)
        else if (found !== undefined) yield found
      }
    }
    // Strangers can only add graphs that are not known, so that they come last.
    for (const question of await newestFirst(unknown, means)) {
      const found = await guarded(question, () => searchNew(question, means, bring))
      if (found !== undefined) yield found
      if (found !== undefined && found.troubles.length > 0) return
    }
  }
}

/**
 * Graphs in the order in which they were approved, the newest first: what is asked about is mostly
 * in that one, and the lists of others need not be read or fetched. What cannot be read comes first.
 */
async function newestFirst(
  questions: readonly Question[],
  { open, work }: Means,
): Promise<readonly Question[]> {
  const dated: { readonly question: Question; readonly time: number }[] = []
  for (const question of questions) {
    const { directory, graph } = question
    const opened = await guarded(question, () => open(approvalFile(directory, graph), graph, work))
    const times = opened.approvals.map(({ approval }) => approval.timeApproved)
    dated.push({ question, time: opened.troubles.length > 0 ? Number.MAX_VALUE : Math.max(0, ...times) })
  }
  return dated.sort((one, other) => other.time - one.time).map(({ question }) => question)
}

function graphsIn(directory: string) {
  try {
    assertAttestationDirectory(directory)
    return { graphs: approvedGraphs(directory), troubles: [] }
  } catch (error) {
    if (!(error instanceof FileError)) throw error
    return { graphs: [], troubles: [{ origin: directory, detail: error.message }] }
  }
}

interface Question {
  readonly directory: string
  readonly graph: string
  readonly entry: GraphEntry
}

interface Means {
  readonly open: ApprovalOpener
  readonly indexes: GraphIndexes
  readonly work: Work
}

/** Looks into a graph whose index is kept; its list was once signed by a key of a trusted list. */
async function searchKnown(question: Question, { open, indexes, work }: Means) {
  const { directory, graph, entry } = question
  const kept = indexes.kept(graph)
  if (kept === undefined) return 'unknown' as const
  if (kept.find(digestOf(entry.path)) === undefined) return undefined
  return approvedIn(question, kept, await open(approvalFile(directory, graph), graph, work))
}

/** Looks into a graph without an index, which is only made once a listed key signed its digest. */
async function searchNew(question: Question, { open, indexes, work }: Means, bring: BringList) {
  const { directory, graph } = question
  const opened = await open(approvalFile(directory, graph), graph, work)
  if (opened.approvals.length === 0) return opened.troubles.length > 0 ? opened : undefined
  const list = graphFile(directory, graph)
  const trouble = await bring(directory, graph)
  if (trouble !== undefined) return { ...NOTHING, troubles: [trouble] }
  try {
    return approvedIn(question, indexes.make(graph, list), opened)
  } catch (error) {
    if (!(error instanceof FileError || error instanceof FormatError)) throw error
    // A list that is missing, or not the one that was signed, makes nothing trusted.
    const stray = { problem: 'unreadable', origin: list, detail: error.message } as const
    return { ...NOTHING, strays: [stray] }
  }
}

async function guarded<T>(
  { directory, graph }: Question,
  search: () => Promise<T>,
): Promise<T | FoundApprovals> {
  try {
    return await search()
  } catch (error) {
    if (!(error instanceof FileError || error instanceof FormatError)) throw error
    return { ...NOTHING, troubles: [{ origin: approvalFile(directory, graph), detail: error.message }] }
  }
}

function approvedIn(
  { entry, graph, directory }: Question,
  lookup: GraphLookup,
  opened: FoundApprovals,
): FoundApprovals | undefined {
  const found = lookup.find(digestOf(entry.path))
  if (found === undefined) return undefined
  const origin = graphFile(directory, graph)
  if (found !== entry.sha256) {
    const detail = `${entry.path} with other contents: sha256 ${found}`
    return {
      ...opened,
      approvals: [],
      strays: [...opened.strays, { problem: 'other-subject', origin, detail }],
    }
  }
  const fits = ({ approval, roots }: SignedApproval) =>
    approval.graph.lines === lookup.count &&
    roots.every(root => lookup.find(digestOf(root.name)) !== undefined)
  const misfits = opened.approvals.filter(approval => !fits(approval))
  const strays = misfits.map((approval): Stray => {
    const detail = 'the list of its build graph does not have the lines and the roots that it names'
    return { problem: 'unused', origin: approval.origin, detail }
  })
  return { ...opened, approvals: opened.approvals.filter(fits), strays: [...opened.strays, ...strays] }
}

const NOTHING: FoundApprovals = { approvals: [], strays: [], troubles: [] }

function digestOf(path: string): string {
  return parseStorePath(path).digest
}
