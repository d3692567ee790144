/**
 * Who approved the build graph that a derivation or a source belongs to, after verifying the
 * expressions that it came from (docs/semantics.md, X4 to X6). Loaded only where the deciding rule
 * asks for approvers.
 */
import { type GraphIndexes, graphIndexes } from '../evidence/approvals/indexes.ts'
import type { SignedApproval } from '../evidence/approvals/opened.ts'
import { type ApprovalSearch, approvalSearch, type FoundApprovals } from '../evidence/approvals/search.ts'
import { FileError, readRegularFile } from '../files/regular-file.ts'
import type { GraphEntry } from '../formats/nix/build-graph.ts'
import { isSaidToBeSignature } from '../formats/nix/declared-signatures.ts'
import { DERIVATION_LIMIT } from '../formats/nix/derivation.ts'
import { narOfBytes } from '../formats/nix/nar.ts'
import { parseStorePath } from '../formats/nix/store-path.ts'
import {
  graphsApprovedHere,
  type HereApproval,
  hereGraphFile,
  isInForce,
  readHereApproval,
} from '../ledger/here-approvals.ts'
import { policyFor } from '../policy/lists/policy-for.ts'
import type { Instant, Policy } from '../policy/policy.ts'
import type { Claim, Evidence, Subject } from '../policy/verdict.ts'
import { FormatError } from '../primitives/format-error.ts'
import { toHex } from '../primitives/hex.ts'
import { sha256 } from '../primitives/sodium.ts'
import type { StoredDerivation } from './derivation-parts.ts'
import type { Inquiry } from './inquiry.ts'
import { readMachineKey } from './machine-key.ts'
import { expressionTrustOf } from './policy-file.ts'

/** Evidence that a path was approved. */
export interface ApprovalEvidence {
  readonly evidence: Evidence
  /** Present if this machine approved it: when that ends, if it does. */
  readonly here?: { readonly until?: Instant }
}

/**
 * Yields the approvals of graphs that a source or a derivation belongs to, this machine's own
 * first. A source that is fetched belongs to a graph by the derivation that fetches it: `makers`.
 */
export async function* approvalsOf(
  inquiry: Inquiry,
  subject: Subject,
  makers: readonly StoredDerivation[],
): AsyncGenerator<ApprovalEvidence> {
  const policy = policyFor(await inquiry.policy(), subject)
  const entries = entriesOf(subject, makers)
  const means = meansFor(inquiry, policy)
  for (const entry of entries) {
    const { found, troubles } = approvedHere(inquiry, entry, means)
    if (found === undefined && troubles.length === 0) continue
    const evidence = { claims: [], strays: [], troubles }
    if (found === undefined) yield { evidence }
    else yield { evidence, here: found.until === undefined ? {} : { until: found.until } }
  }
  const troubles = await inquiry.refreshApprovals()
  if (troubles.length > 0) yield { evidence: { claims: [], strays: [], troubles } }
  for (const entry of entries) {
    for await (const found of means.search(entry, inquiry.bringGraph)) {
      yield { evidence: evidenceOf(subject, found) }
    }
  }
}

/** An approval, for people: what was approved, and by whom. */
export type KnownApproval =
  | { readonly by: 'self'; readonly approval: HereApproval['approval'] }
  | ({ readonly by: 'signer' } & Pick<SignedApproval, 'approval' | 'signer' | 'origin'>)

/** All approvals of the graphs that a path belongs to, also where no rule asks for them. */
export async function knownApprovals(
  inquiry: Inquiry,
  subject: Pick<Subject, 'path' | 'kind' | 'narHash'>,
  makers: readonly StoredDerivation[],
): Promise<readonly KnownApproval[]> {
  const policy = await inquiry.policy()
  const known: KnownApproval[] = []
  await inquiry.refreshApprovals()
  const means = meansFor(inquiry, policy)
  for (const entry of entriesOf(subject, makers)) {
    const { found } = approvedHere(inquiry, entry, means)
    if (found !== undefined) known.push({ by: 'self', approval: found.approval })
    for await (const { approvals } of means.search(entry, inquiry.bringGraph)) {
      for (const { approval, signer, origin } of approvals) {
        known.push({ by: 'signer', approval, signer, origin })
      }
    }
  }
  return known
}

/** The entries that a list of a build graph would have for a path. */
function entriesOf(
  { path, kind, narHash }: Pick<Subject, 'path' | 'kind' | 'narHash'>,
  makers: readonly StoredDerivation[],
): readonly GraphEntry[] {
  if (kind === 'local-source') return [{ path, sha256: narHash }]
  if (kind === 'derivation') return derivationEntry(path, narHash)
  const made =
    kind === 'fetched-source' ? makers.filter(maker => !isSaidToBeSignature(maker.derivation)) : makers
  return made.flatMap(maker => derivationEntry(maker.path.path, maker.narHash))
}

/** The hash of the file; nothing if it is not here with the contents that are judged. */
function derivationEntry(path: string, narHash: string): readonly GraphEntry[] {
  try {
    const bytes = readRegularFile(path, DERIVATION_LIMIT)
    if (bytes === undefined || toHex(sha256(narOfBytes(bytes, false))) !== narHash) return []
    return [{ path, sha256: toHex(sha256(bytes)) }]
  } catch (error) {
    if (error instanceof FileError) return []
    throw error
  }
}

/** What approvals are looked for with. */
interface Means {
  readonly policy: Policy
  readonly indexes: GraphIndexes
  readonly search: ApprovalSearch
}

/**
 * These keep what they opened for as long as the policy is the one that they were made for; for
 * inquiries that record, and for others.
 */
const held = { recording: new WeakMap<Policy, Means>(), asking: new WeakMap<Policy, Means>() }

function meansFor({ places, records }: Inquiry, policy: Policy): Means {
  const known = records ? held.recording : held.asking
  const kept = known.get(policy)
  if (kept !== undefined) return kept
  const indexes = graphIndexes(places.state, { writes: records })
  const search = approvalSearch(policy, { indexes, machineKey: readMachineKey(places.state) })
  const means = { policy, indexes, search }
  known.set(policy, means)
  return means
}

function approvedHere(
  { places: { state }, now }: Inquiry,
  entry: GraphEntry,
  { policy, indexes }: Means,
): { readonly found?: HereApproval; readonly troubles: Evidence['troubles'] } {
  try {
    const graphs = graphsApprovedHere(state)
    const trust = graphs.length === 0 ? '' : expressionTrustOf(policy)
    for (const graph of graphs) {
      const lookup = indexes.kept(graph) ?? indexes.make(graph, hereGraphFile(state, graph))
      if (lookup.find(parseStorePath(entry.path).digest) !== entry.sha256) continue
      const approval = readHereApproval(state, graph)
      if (approval !== undefined && isInForce(approval, trust, now)) return { found: approval, troubles: [] }
    }
    return { troubles: [] }
  } catch (error) {
    if (!(error instanceof FileError || error instanceof FormatError)) throw error
    return { troubles: [{ origin: state, detail: error.message }] }
  }
}

/** An approver's claim has no trace: it is looked up again rather than remembered. */
function evidenceOf(subject: Subject, { approvals, strays, troubles }: FoundApprovals): Evidence {
  const claims = approvals.map(({ signer: { key, expired, keyEnds }, origin }): Claim => {
    const ends = { ...(expired && { expired }), ...(keyEnds === undefined ? {} : { until: keyEnds }) }
    const about = { path: subject.path, narHash: subject.narHash, origin }
    return { key: key.identity, role: 'approver', ...about, ...ends }
  })
  return { claims, strays, troubles }
}
