/** One path of an audit, judged. */
import { recalledEvidence } from '../evidence/remembered.ts'
import { judgeWithin, LateError } from '../files/deadline.ts'
import { parseStorePath } from '../formats/nix/store-path.ts'
import { type Admission, isCurrent, NO_POLICY, readAdmission, WARNED } from '../ledger/admissions.ts'
import { stampOf } from '../ledger/stamp.ts'
import { judgeUnder } from '../policy/judge.ts'
import type { Instant, KeyIdentity, Policy, SubjectKind } from '../policy/policy.ts'
import type { Basis, Claim, Refusal, Subject, Trust } from '../policy/verdict.ts'
import { isJudged } from '../reach/by-record.ts'
import { policyByRecord } from '../reach/unknown-addresses.ts'
import type { PathInfo } from '../store/store-client.ts'
import { isAsAdmitted } from '../verifier/admitted.ts'
import { rememberedClaims } from '../verifier/evidence.ts'
import type { Inquiry } from '../verifier/inquiry.ts'
import { subjectOfEntry } from '../verifier/subject.ts'
import { verifyPath } from '../verifier/verify.ts'
import { type Critical, criticalFor, NOBODY } from './critical.ts'

/** What was found about one path. */
export interface Member {
  readonly path: string
  readonly kind: Exclude<SubjectKind, 'expression'>
  /** What the store registered; undefined if it does not have the path. */
  readonly info: PathInfo | undefined
  /** The ledger's entry, current or not. */
  readonly entry: Admission | undefined
  /** Its stamp on the disk; undefined if nothing lies there. */
  readonly stamp: string | undefined
  readonly builtHere: boolean
  readonly derivation: string | undefined
  readonly standing: Standing
  readonly letIn: boolean
}

/**
 * A verdict. `subject`: what the policy was asked, so that it can be asked again without one of the
 * signers; undefined where the ledger admits the path and the reason is not known any more.
 */
export type Standing =
  | {
      readonly outcome: 'trusted'
      readonly rule: string
      readonly basis: Basis['kind'] | undefined
      /** Line of the exemption by which it passes. */
      readonly exemption: number | undefined
      readonly claims: readonly Claim[]
      /** Without whom alone it would not pass. */
      readonly critical: Critical
      readonly subject: Subject | undefined
      readonly until: Instant | undefined
    }
  | { readonly outcome: 'refused'; readonly refusal: Refusal; readonly claims: readonly Claim[] }

/** What paths are judged by. */
export interface Judging {
  readonly inquiry: Inquiry
  readonly policy: Policy
  readonly digest: string
  readonly now: Instant
  readonly own: KeyIdentity | undefined
  /** Store paths that were let in with a warning. */
  readonly letIn: ReadonlySet<string>
  /** The end of the time, as of performance.now(). */
  readonly end: number
}

/**
 * Judges a path as this machine would now: by the ledger, as long as its entry is current and the
 * path lies there as it did; else by today's evidence, with the contents that the store registered.
 * Undefined where the time is over before.
 */
export async function judgeMember(
  judging: Judging,
  path: string,
  info: PathInfo | undefined,
): Promise<Member | undefined> {
  const { inquiry, digest, now } = judging
  const parsed = parseStorePath(path)
  const entry = readAdmission(inquiry.places.state, parsed.digest, path)
  const stamp = info === undefined ? undefined : stampOf(path)
  const isAdmitted =
    entry !== undefined &&
    isCurrent(entry, digest, now) &&
    isJudged(entry) &&
    entry.narHash === info?.narHash &&
    isAsAdmitted(entry, stamp)
  const standing = isAdmitted ? await byLedger(judging, entry) : await byEvidence(judging, path)
  if (standing === undefined) return undefined
  return memberOf({ path, info, entry, stamp }, standing, judging.letIn)
}

function memberOf(
  known: Pick<Member, 'path' | 'info' | 'entry' | 'stamp'>,
  standing: Standing,
  letIn: ReadonlySet<string>,
): Member {
  const { path, entry } = known
  const subject = standing.outcome === 'trusted' ? standing.subject : undefined
  const told = standing.outcome === 'trusted' ? subject?.kind : standing.refusal.kind
  const kind = told ?? (entry?.kind === 'signature' ? 'fetched-source' : entry?.kind) ?? 'output'
  const isDerivation = path.endsWith('.drv')
  return {
    ...known,
    kind: kind === 'expression' ? 'output' : kind,
    builtHere: subject?.builtHere ?? entry?.builtHere ?? false,
    derivation: isDerivation ? undefined : (subject?.derivation ?? entry?.derivation),
    standing,
    letIn: letIn.has(path) || (entry?.policy === NO_POLICY && entry.rule === WARNED),
  }
}

async function byLedger(judging: Judging, entry: Parameters<typeof subjectOfEntry>[0]): Promise<Standing> {
  const { policy, now, own } = judging
  const subject = subjectOfEntry(entry)
  const about = policyByRecord(policy, subject)
  const evidence = await recalledEvidence(about, rememberedClaims(entry), { now, own })
  const verdict = judgeUnder(about, subject, evidence, now)
  if (verdict.outcome === 'trusted') return standingOf(judging, verdict, entry.until)
  // What it rests on is not in the record: approvals, or addresses of a source.
  const found = await byEvidence(judging, entry.path)
  if (found?.outcome === 'trusted') return { ...found, until: entry.until ?? found.until }
  return {
    outcome: 'trusted',
    rule: entry.rule,
    basis: undefined,
    exemption: undefined,
    claims: evidence.claims,
    critical: NOBODY,
    subject: undefined,
    until: entry.until,
  }
}

function standingOf({ policy, now }: Judging, trust: Trust, until: Instant | undefined): Standing {
  const { basis, subject, rule } = trust
  const claims = basis.kind === 'claims' ? basis.claims : []
  return {
    outcome: 'trusted',
    rule,
    basis: basis.kind,
    exemption: basis.kind === 'exemption' ? basis.line : undefined,
    claims,
    critical: criticalFor(policy, { subject, claims }, now),
    subject,
    until: until ?? trust.until,
  }
}

async function byEvidence(judging: Judging, path: string): Promise<Standing | undefined> {
  const { inquiry, end } = judging
  const time = end - performance.now()
  if (time <= 0) return undefined
  const verdict = await judgeWithin(() => verifyPath(inquiry, path, 'registered'), time).catch(onlyLate)
  if (verdict === undefined) return undefined
  if (verdict.outcome === 'trusted') return standingOf(judging, verdict, undefined)
  // The last refusal may be for want of time.
  return performance.now() >= end ? undefined : { outcome: 'refused', refusal: verdict, claims: [] }
}

function onlyLate(error: unknown): undefined {
  if (error instanceof LateError) return undefined
  throw error
}
