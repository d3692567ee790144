import { mergeEvidence } from '../evidence/merge.ts'
import { signedGraphs } from '../evidence/signed-graphs.ts'
import { FileError } from '../files/regular-file.ts'
import { isSaidToBeSignature } from '../formats/nix/declared-signatures.ts'
import { judge } from '../policy/judge.ts'
import { earliest } from '../policy/key-standing.ts'
import { asksFor, ruleFor } from '../policy/match.ts'
import type { Instant } from '../policy/policy.ts'
import type { Claim, Evidence, Subject, Trust, Verdict } from '../policy/verdict.ts'
import { FormatError } from '../primitives/format-error.ts'
import { declaredIn, partNamed } from './declared-signatures.ts'
import type { StoredDerivation } from './derivation-parts.ts'
import type { Inquiry } from './inquiry.ts'
import { knownFirst } from './known-derivations-first.ts'
import { withSeenConflicts } from './seen-conflicts.ts'
import { readDerivation } from './stored-derivation.ts'

/** The most derivations that are read for one path although nothing is known about them. */
const DEPENDENT_LIMIT = 4096

/** A path as it was judged, and by what. */
interface Judged {
  readonly subject: Subject
  readonly evidence: Evidence
  readonly verdict: Verdict
  /** When this machine's own approval ends, if it is one and does. */
  readonly end?: Instant | undefined
}

/**
 * Judges a path. If the evidence is not enough, looks for packagers who signed the build graph of
 * something that is built from it. `makers`: the derivations that fetch a source.
 */
export async function judgeWithGraph(
  inquiry: Inquiry,
  subject: Subject,
  found: Evidence,
  makers: readonly StoredDerivation[] = [],
): Promise<Verdict> {
  const policy = await inquiry.policy()
  const evidence = await withSeenConflicts(inquiry, subject, found)
  const verdict = judge(policy, subject, evidence, inquiry.now)
  if (verdict.outcome !== 'untrusted' || subject.kind === 'output') return verdict
  let judged: Judged = { subject, evidence, verdict }
  if (asksFor(policy, subject, 'approver')) judged = await withApprovals(inquiry, judged, makers)
  if (judged.verdict.outcome === 'untrusted') judged = await withGraphs(inquiry, judged, makers)
  return judged.verdict.outcome === 'trusted' ? endingBy(judged.verdict, judged.end) : judged.verdict
}

/** Judges a path with the approvals of build graphs that it belongs to, as many as are needed. */
async function withApprovals(
  inquiry: Inquiry,
  judged: Judged,
  makers: readonly StoredDerivation[],
): Promise<Judged> {
  const { approvalsOf } = await import('./approvals.ts')
  const policy = await inquiry.policy()
  let { subject, evidence, verdict, end } = judged
  for await (const more of approvalsOf(inquiry, subject, makers)) {
    evidence = mergeEvidence([evidence, more.evidence])
    if (more.here !== undefined) {
      subject = { ...subject, approvedHere: true }
      end = earliest([end, more.here.until])
    }
    verdict = judge(policy, subject, evidence, inquiry.now)
    if (verdict.outcome !== 'untrusted') break
  }
  return { subject, evidence, verdict, end }
}

/** Judges a path with the signatures of build graphs that it belongs to, as many as are needed. */
async function withGraphs(
  inquiry: Inquiry,
  judged: Judged,
  makers: readonly StoredDerivation[],
): Promise<Judged> {
  const policy = await inquiry.policy()
  const { subject, evidence } = judged
  let { verdict } = judged
  const claims = [...evidence.claims]
  for await (const claim of graphClaimsOf(inquiry, subject, makers)) {
    claims.push(claim)
    verdict = judge(policy, subject, { ...evidence, claims }, inquiry.now)
    if (verdict.outcome === 'trusted') break
  }
  return { ...judged, verdict }
}

function endingBy(verdict: Trust, end: Instant | undefined): Trust {
  const until = earliest([verdict.until, end])
  return until === undefined ? verdict : { ...verdict, until }
}

/**
 * Yields the claims that reach a source or a derivation because a packager signed the whole build
 * graph of something built from it. Yields nothing if the deciding rule does not accept such
 * claims. A derivation that names the source as a signature does not count: whoever signed that
 * graph let the file in only as a signature.
 */
async function* graphClaimsOf(
  inquiry: Inquiry,
  subject: Subject,
  makers: readonly StoredDerivation[],
): AsyncGenerator<Claim> {
  const policy = await inquiry.policy()
  if (!ruleFor(policy, subject).acceptGraph) return
  const store = await inquiry.store()
  const known = new Map<string, StoredDerivation>()
  const fetches = makers.filter(({ derivation }) => !isSaidToBeSignature(derivation))

  // The store's answer that one path refers to another is only a hint: the .drv itself must name
  // it.
  const dependents = async (path: string): Promise<readonly string[]> => {
    const named = await store.referrers(path)
    const found: string[] = []
    const derivations = named.filter(candidate => candidate.endsWith('.drv'))
    for (const candidate of await knownFirst(inquiry, derivations, DEPENDENT_LIMIT)) {
      const stored = known.get(candidate) ?? readable(candidate)
      if (stored === undefined) continue
      known.set(candidate, stored)
      if (names(stored, path) && !callsSignature(stored, subject.path)) found.push(candidate)
    }
    return found
  }
  const above = async (path: string): Promise<readonly string[]> => {
    if (path !== subject.path) return dependents(path)
    for (const maker of fetches) known.set(maker.path.path, maker)
    return [...fetches.map(maker => maker.path.path), ...(await dependents(path))]
  }
  const graphClaims = async (derivation: string): Promise<readonly Claim[]> =>
    (await inquiry.attested(derivation)).claims.filter(
      claim => claim.coversGraph === true && claim.narHash === known.get(derivation)?.narHash,
    )
  yield* signedGraphs(subject, above, graphClaims)
}

/**
 * Reads a candidate; returns undefined if it cannot be read as a derivation. Anybody can add
 * derivations that refer to a path to the store, so an unreadable one is ignored.
 */
export function readable(candidate: string): StoredDerivation | undefined {
  try {
    return readDerivation(candidate)
  } catch (error) {
    if (error instanceof FormatError || error instanceof FileError) return undefined
    throw error
  }
}

/**
 * Whether a build graph goes from a derivation to a path. A derivation that a build only reads as a
 * file is not part of its graph: whoever signed the graph saw what is built, and what that is built
 * from.
 */
function names({ derivation }: StoredDerivation, path: string): boolean {
  if (path.endsWith('.drv')) return derivation.inputDerivations.some(input => input.path === path)
  return derivation.inputSources.includes(path)
}

function callsSignature(stored: StoredDerivation, path: string): boolean {
  return partNamed(declaredIn(stored), path) !== undefined
}
