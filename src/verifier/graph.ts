import { mergeEvidence } from '../evidence/merge.ts'
import { judge } from '../policy/judge.ts'
import { earliest } from '../policy/key-standing.ts'
import { asksFor, ruleFor } from '../policy/match.ts'
import type { Instant } from '../policy/policy.ts'
import type { Evidence, Subject, Trust, Verdict } from '../policy/verdict.ts'
import type { StoredDerivation } from './derivation-parts.ts'
import type { Inquiry } from './inquiry.ts'
import { recordSeen } from './record-seen.ts'
import { withSeenConflicts } from './seen-conflicts.ts'

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
 * something that is built from it. `makers`: the derivations that fetch a source. While the policy
 * only warns, what was verified about a refused path is remembered.
 */
export async function judgeWithGraph(
  inquiry: Inquiry,
  subject: Subject,
  found: Evidence,
  makers: readonly StoredDerivation[] = [],
): Promise<Verdict> {
  const verdict = await judgeByAll(inquiry, subject, found, makers)
  if (verdict.outcome !== 'trusted') await recordSeen(inquiry, subject, found.claims)
  return verdict
}

async function judgeByAll(
  inquiry: Inquiry,
  subject: Subject,
  found: Evidence,
  makers: readonly StoredDerivation[],
): Promise<Verdict> {
  const policy = await inquiry.policy()
  const evidence = await withSeenConflicts(inquiry, subject, found)
  const verdict = judge(policy, subject, evidence, inquiry.now)
  if (verdict.outcome !== 'untrusted' || subject.kind === 'output') return verdict
  let judged: Judged = { subject, evidence, verdict }
  if (asksFor(policy, subject, 'approver')) judged = await withApprovals(inquiry, judged, makers)
  if (judged.verdict.outcome === 'untrusted') judged = await withGraphs(inquiry, judged)
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
async function withGraphs(inquiry: Inquiry, judged: Judged): Promise<Judged> {
  const policy = await inquiry.policy()
  const { subject, evidence } = judged
  if (!ruleFor(policy, subject).acceptGraph) return judged
  const { graphClaimsOf } = await import('./graph-claims.ts')
  const { claims: found, troubles } = await graphClaimsOf(inquiry, subject)
  let { verdict } = judged
  const claims = [...evidence.claims]
  for (const claim of found) {
    claims.push(claim)
    verdict = judge(policy, subject, { ...evidence, claims }, inquiry.now)
    if (verdict.outcome === 'trusted') return { ...judged, verdict }
  }
  if (troubles.length === 0) return { ...judged, verdict }
  const all = { ...evidence, claims, troubles: [...evidence.troubles, ...troubles] }
  return { ...judged, verdict: judge(policy, subject, all, inquiry.now) }
}

function endingBy(verdict: Trust, end: Instant | undefined): Trust {
  const until = earliest([verdict.until, end])
  return until === undefined ? verdict : { ...verdict, until }
}
