/** From which commits what is here was evaluated, as approvals of build graphs say. */

import { type EnvelopeSigner, keyRing } from '../crypto/envelope.ts'
import { openWork } from '../crypto/work.ts'
import { approvalFile, approvedGraphs, graphFile } from '../evidence/approvals/files.ts'
import { type GraphIndexes, graphIndexes } from '../evidence/approvals/indexes.ts'
import { approvalOpener } from '../evidence/approvals/opened.ts'
import type { GraphLookup } from '../evidence/graph-lookup.ts'
import { FileError, readRegularFile } from '../files/regular-file.ts'
import type { Approval } from '../formats/in-toto/predicates/approval.ts'
import { DERIVATION_LIMIT } from '../formats/nix/derivation.ts'
import { derivationName, isDerivationPath, parseStorePath } from '../formats/nix/store-path.ts'
import { graphsApprovedHere, hereGraphFile, isInForce, readHereApproval } from '../ledger/here-approvals.ts'
import { datedFor, holdersOf, listedKeys, standingOf } from '../policy/key-standing.ts'
import type { KeyIdentity } from '../policy/policy.ts'
import { FormatError } from '../primitives/format-error.ts'
import { toHex } from '../primitives/hex.ts'
import { sha256 } from '../primitives/sodium.ts'
import { expressionTrustOf } from '../verifier/policy-file.ts'
import type { Judging, Member } from './member.ts'

/** A commit, who approved what it evaluates to, and which paths here that is. */
export interface FoundExpression {
  readonly url: string
  /** Id of the commit. */
  readonly revision: string
  /** Whose signatures of it counted, as the approvals name them, and which did in these roles. */
  readonly signers: readonly string[]
  readonly committers: readonly string[]
  readonly reviewers: readonly string[]
  readonly approvers: readonly { readonly key: KeyIdentity; readonly origin: string }[]
  readonly covers: readonly string[]
}

/** The most approvals that are looked at, and the most commits that are told. */
const GRAPH_LIMIT = 1024
const TOLD_LIMIT = 2000
/** The most signers of one commit that are told, of each kind. */
const SIGNER_LIMIT = 64
/** Units of work for opening all of them (src/crypto/work.ts): some seconds. */
const WORK = 100_000

interface Approved {
  readonly approval: Approval
  readonly by: FoundExpression['approvers'][number] | undefined
  /** Whether it counts for paths of this name. */
  counts(name: string): boolean
}

/**
 * The commits from which derivations and sources among these were evaluated, by all approvals at
 * hand that count: this machine's own, and those by listed keys that may approve and have neither
 * ended nor been revoked. Of an approval that cannot be read nothing is told. Sources of approvals
 * are not asked.
 */
export async function expressionsOf(
  judging: Judging,
  members: readonly Member[],
): Promise<readonly FoundExpression[]> {
  const told = new Map<
    string,
    {
      url: string
      revision: string
      signed: Readonly<Record<Named, Set<string>>>
      approvers: Map<string, FoundExpression['approvers'][number]>
      covers: Set<string>
    }
  >()
  const indexes = graphIndexes(judging.inquiry.places.state, { writes: false })
  const fileHashes = new Map<string, string | undefined>()
  for await (const { lookup, approved } of graphsIn(judging, indexes)) {
    const listed = members.filter(member => isIn(lookup, member, fileHashes))
    for (const { approval, by, counts } of approved) {
      const covers = listed.filter(member => counts(nameOf(member))).map(({ path }) => path)
      if (covers.length === 0) continue
      for (const { url, revision, ...names } of commitsOf(approval)) {
        const known = told.get(`${url} ${revision}`)
        if (known === undefined && told.size >= TOLD_LIMIT) continue
        const one = known ?? { url, revision, signed: nobody(), approvers: new Map(), covers: new Set() }
        told.set(`${url} ${revision}`, one)
        for (const kind of NAMED)
          for (const name of names[kind] ?? [])
            if (one.signed[kind].size < SIGNER_LIMIT) one.signed[kind].add(name)
        if (by !== undefined) one.approvers.set(by.key, by)
        for (const path of covers) one.covers.add(path)
      }
    }
  }
  return [...told.values()].map(({ signed, approvers, covers, ...commit }) => {
    const sorted = (kind: Named) => [...signed[kind]].sort()
    const roles = { committers: sorted('committers'), reviewers: sorted('reviewers') }
    const by = [...approvers.values()]
    return { ...commit, signers: sorted('signers'), ...roles, approvers: by, covers: [...covers] }
  })
}

const NAMED = ['signers', 'committers', 'reviewers'] as const
type Named = (typeof NAMED)[number]

function nobody(): Record<Named, Set<string>> {
  return { signers: new Set(), committers: new Set(), reviewers: new Set() }
}

function commitsOf({ expressions, locks }: Approval) {
  const inputs = locks.flatMap(lock => lock.inputs)
  return [expressions, ...inputs].flatMap(({ url, commit, signers, committers, reviewers }) =>
    commit === undefined ? [] : [{ url, revision: commit, signers, committers, reviewers }],
  )
}

/** Each graph that somebody approved whose word counts, with what was approved. */
async function* graphsIn(
  judging: Judging,
  indexes: GraphIndexes,
): AsyncGenerator<{ readonly lookup: GraphLookup; readonly approved: readonly Approved[] }> {
  yield* graphsHere(judging, indexes)
  const { policy, own } = judging
  const open = approvalOpener(keyRing(listedKeys(policy)), own)
  const work = openWork(WORK)
  let left = GRAPH_LIMIT
  for (const directory of policy.attestations) {
    for (const graph of unlessBroken(() => approvedGraphs(directory)) ?? []) {
      if (left-- <= 0) return
      try {
        const { approvals } = await open(approvalFile(directory, graph), graph, work)
        if (approvals.length === 0) continue
        const lookup = indexes.kept(graph) ?? indexes.make(graph, graphFile(directory, graph))
        const approved = approvals
          .filter(({ approval }) => approval.graph.lines === lookup.count)
          .map(({ approval, signer, origin }) => ({
            approval,
            by: { key: signer.key.identity, origin },
            counts: (name: string) => countsFor(judging, signer, name),
          }))
        yield { lookup, approved }
      } catch (error) {
        if (!isBroken(error)) throw error
      }
    }
  }
}

function* graphsHere(
  { inquiry, policy, now, own }: Judging,
  indexes: GraphIndexes,
): Generator<{ readonly lookup: GraphLookup; readonly approved: readonly Approved[] }> {
  const { state } = inquiry.places
  const graphs = (unlessBroken(() => graphsApprovedHere(state)) ?? []).slice(0, GRAPH_LIMIT)
  const trust = graphs.length === 0 ? '' : expressionTrustOf(policy)
  for (const graph of graphs) {
    const found = unlessBroken(() => {
      const approval = readHereApproval(state, graph)
      if (approval === undefined || !isInForce(approval, trust, now)) return undefined
      const by = own === undefined ? undefined : { key: own, origin: hereGraphFile(state, graph) }
      const lookup = indexes.kept(graph) ?? indexes.make(graph, hereGraphFile(state, graph))
      return { lookup, approved: [{ approval: approval.approval, by, counts: () => true }] }
    })
    if (found !== undefined) yield found
  }
}

/** By the dates of the key, by revocations, and by what the key was certified for. */
function countsFor(
  { policy, now }: Pick<Judging, 'policy' | 'now'>,
  { key, expired, keyEnds }: EnvelopeSigner,
  name: string,
): boolean {
  if (expired !== undefined || (keyEnds !== undefined && keyEnds <= now)) return false
  return holdersOf(policy, key.identity).some(holder => {
    const dated = datedFor(policy, holder, { role: 'approver', name }, now)
    return dated !== undefined && standingOf(policy, dated, now).code === 'valid'
  })
}

/** The name by which a rule or a certificate means a path. */
function nameOf({ path }: Member): string {
  const parsed = parseStorePath(path)
  return isDerivationPath(parsed) ? derivationName(parsed) : parsed.name
}

/** Whether a list has this path with these contents. A file is read once it has the path. */
function isIn(
  lookup: GraphLookup,
  { path, kind, info }: Member,
  fileHashes: Map<string, string | undefined>,
): boolean {
  if ((kind !== 'derivation' && kind !== 'local-source') || info === undefined) return false
  const listed = lookup.find(parseStorePath(path).digest)
  if (listed === undefined) return false
  if (kind === 'local-source') return listed === info.narHash
  if (!fileHashes.has(path)) fileHashes.set(path, fileHash(path))
  return listed === fileHashes.get(path)
}

function fileHash(path: string): string | undefined {
  return unlessBroken(() => {
    const bytes = readRegularFile(path, DERIVATION_LIMIT)
    return bytes && toHex(sha256(bytes))
  })
}

function unlessBroken<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (isBroken(error)) return undefined
    throw error
  }
}

function isBroken(error: unknown): boolean {
  return error instanceof FileError || error instanceof FormatError
}
