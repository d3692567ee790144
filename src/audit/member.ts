/** One path of an audit, judged. */
import { recalledEvidence } from '../evidence/remembered.ts'
import { judgeWithin, LateError } from '../files/deadline.ts'
import { type Admission, type AdmittedClaim, isCurrent, isLetIn } from '../ledger/admissions.ts'
import { judgeUnder } from '../policy/judge.ts'
import { policyFor } from '../policy/lists/policy-for.ts'
import { exemptionFor } from '../policy/match.ts'
import type { Instant, Policy } from '../policy/policy.ts'
import type { Trust } from '../policy/verdict.ts'
import { isJudged, type JudgedAdmission } from '../reach/by-record.ts'
import { policyByRecord } from '../reach/unknown-addresses.ts'
import { isAsAdmitted } from '../verifier/admitted.ts'
import { rememberedClaims } from '../verifier/evidence.ts'
import { subjectOfEntry } from '../verifier/subject.ts'
import { verifyPath } from '../verifier/verify.ts'
import { lookAt, type OnDisk } from './ahead.ts'
import { alikeTo } from './alike.ts'
import { criticalFor, NOBODY } from './critical.ts'
import type { Judged, Judging, Member, Registered, Standing, Trusted } from './judging.ts'
import { noteClaims, noteKey } from './key-registry.ts'
import type { SignedSince } from './later.ts'

export type { Judged, Judging, Member, Registered, Standing, Trusted } from './judging.ts'

/**
 * Judges a path as this machine would now: by the ledger, as long as its entry is current and the
 * path lies there as it did, with what was signed since; else by today's evidence, with the contents
 * that the store registered, as is one on which builders were seen to disagree. Undefined where the
 * time is over before.
 */
export function judgeMember(
  judging: Judging,
  path: string,
  info: Registered | undefined,
  ahead?: OnDisk,
): Member | undefined | Promise<Member | undefined> {
  const { inquiry, digest, now, letIn, disputed } = judging
  const isDisputed = disputed.has(path)
  const kept = isDisputed ? undefined : judging.kept(path, info)
  if (kept !== undefined) return withJudged({ path, info, letIn: letIn.has(path) }, kept)
  const { entry, version, stamp } = ahead ?? lookAt(inquiry.places.state, path)
  const lying = info === undefined ? undefined : stamp
  const files = entry === undefined ? '' : judging.later.filesOf(path)
  const met: Met = { path, info, entry, version, stamp: lying, files }
  const admitted =
    !isDisputed &&
    entry !== undefined &&
    isCurrent(entry, digest, now) &&
    isJudged(entry) &&
    entry.narHash === info?.narHash &&
    liesAsAdmitted(entry, met.stamp)
      ? entry
      : undefined
  const since = admitted && info && judging.later.claimsAbout(admitted, info, files)
  const known = since === undefined ? admitted && byLikeness(judging, admitted) : undefined
  return known === undefined
    ? judgedAnew(judging, met, admitted, since)
    : memberOf(letIn, met, known, 'alone')
}

/**
 * Whether a path that the store registered with an entry's contents lies there as it was admitted.
 * What was admitted before it came, as by the gate, has no stamp yet: then the registered contents
 * are all that is known of it, with evidence too.
 */
function liesAsAdmitted(entry: Admission, stamp: string | undefined): boolean {
  return isAsAdmitted(entry, stamp) || (entry.stamp === undefined && stamp !== undefined)
}

/** Names each field: to copy an object takes longer than to judge most paths. */
function withJudged(
  { path, info, letIn }: Pick<Member, 'path' | 'info' | 'letIn'>,
  { kind, stamp, entry, narHash, builtHere, derivation, inputs, signatures, files, standing }: Judged,
): Member {
  const made = { kind, stamp, entry, narHash, builtHere, derivation, inputs, signatures, files, standing }
  return { path, info, letIn, ...made }
}

/** What is known of a path when it is judged. */
interface Met extends OnDisk {
  readonly path: string
  readonly info: Registered | undefined
  readonly files: string
}

async function judgedAnew(
  judging: Judging,
  met: Met,
  admitted: JudgedAdmission | undefined,
  since: Promise<SignedSince | undefined> | undefined,
): Promise<Member | undefined> {
  const signed = since === undefined ? NOTHING_SINCE : await since
  if (signed === undefined) return undefined
  const { claims: more, isLasting } = signed
  const alone =
    (more.length > 0 ? admitted && (await known(judging, withMore(admitted, more))) : undefined) ??
    (admitted && (await known(judging, admitted)))
  const found = alone ?? (await byEvidence(judging, met.path))
  if (found === undefined) return undefined
  const told = admitted !== undefined && alone === undefined ? admittedAs(judging, admitted, found) : found
  return memberOf(judging.letIn, met, told, alone !== undefined && isLasting ? 'alone' : 'with evidence')
}

const NOTHING_SINCE: SignedSince = { claims: [], isLasting: true }

/** An entry as it would be with further claims. */
function withMore(entry: JudgedAdmission, more: readonly AdmittedClaim[]): JudgedAdmission {
  return { ...entry, claims: [...entry.claims, ...more] }
}

async function known(judging: Judging, entry: JudgedAdmission): Promise<Found | undefined> {
  return byLikeness(judging, entry) ?? byRecord(judging, entry)
}

/**
 * `by`: whether the entry, the policy, and what was signed since and lasts, alone gave the verdict.
 */
function memberOf(
  letIn: Judging['letIn'],
  { path, info, entry, stamp, version, files }: Met,
  found: Found,
  by: 'alone' | 'with evidence',
): Member {
  const wasLetIn = letIn.has(path) || (entry !== undefined && isLetIn(entry))
  const signatures = info?.signatures ?? ''
  const lying = { path, entry, stamp, signatures, files }
  const judged = judgedOf(lying, found, by === 'alone' ? version : undefined)
  return withJudged({ path, info, letIn: wasLetIn }, judged)
}

/** A verdict, and what it is about where more is known than the ledger has. */
interface Found {
  readonly standing: Standing
  readonly subject?: Trust['subject'] | undefined
}

function judgedOf(
  {
    path,
    entry,
    stamp,
    signatures,
    files,
  }: Pick<Met, 'path' | 'entry' | 'stamp' | 'files'> & Pick<Registered, 'signatures'>,
  { subject, standing }: Found,
  version: string | undefined,
): Judged {
  const recorded = entry?.kind === 'signature' ? 'fetched-source' : entry?.kind
  const kind = standing.outcome === 'trusted' ? (subject?.kind ?? recorded) : standing.refusal.kind
  return {
    kind: kind === undefined || kind === 'expression' ? 'output' : kind,
    stamp,
    entry: version,
    narHash: entry?.narHash,
    builtHere: subject?.builtHere ?? entry?.builtHere ?? false,
    derivation: path.endsWith('.drv') ? undefined : (subject?.derivation ?? entry?.derivation),
    inputs: entry?.build?.inputs.map(input => input.path),
    signatures,
    files,
    standing,
  }
}

/** As a path was judged that is alike; undefined if there was none. */
function byLikeness({ alike, policy, now }: Judging, entry: JudgedAdmission): Found | undefined {
  if (alike === undefined || alike.size === 0) return undefined
  const known = alike.get(alikeTo(policy, entry, now) ?? '')
  return known && { standing: endingWith(known, entry) }
}

/** The same, ending when the entry does. */
function endingWith(standing: Trusted, { until }: Admission): Trusted {
  return until === undefined || until === standing.until ? standing : { ...standing, until }
}

/** By the entry and the policy alone; undefined where they do not tell what the path rests on. */
async function byRecord(judging: Judging, entry: JudgedAdmission): Promise<Found | undefined> {
  const subject = subjectOfEntry(entry)
  const alike = judging.alike === undefined ? undefined : alikeTo(judging.policy, entry, judging.now)
  const found = await weighed(judging, entry, subject)
  if (found?.standing.outcome === 'trusted' && alike !== undefined) judging.alike?.set(alike, found.standing)
  return found
}

async function weighed(
  judging: Judging,
  entry: JudgedAdmission,
  subject: Trust['subject'],
): Promise<Found | undefined> {
  const { policy, now, own } = judging
  const about = policyByRecord(policy, subject)
  const evidence = await recalledEvidence(about, rememberedClaims(entry), { now, own })
  const verdict = judgeUnder(about, subject, evidence, now)
  return verdict.outcome === 'trusted' ? standingOf(judging, about, verdict, entry.until) : undefined
}

/**
 * What the ledger admits is trusted. What it rests on is not in the entry, such as approvals, or
 * the addresses of a source: today's evidence may tell.
 */
function admittedAs({ policy, registry }: Judging, entry: Admission, found: Found): Found {
  const { standing, subject } = found
  if (standing.outcome === 'trusted') return { standing: endingWith(standing, entry), subject }
  const claims = noteClaims(registry, policy, rememberedClaims(entry))
  return {
    standing: {
      outcome: 'trusted',
      rule: entry.rule,
      basis: undefined,
      exemption: undefined,
      claims,
      critical: NOBODY,
      until: entry.until,
    },
  }
}

function standingOf(
  { now, registry }: Judging,
  about: Policy,
  trust: Trust,
  until: Instant | undefined,
): Found {
  const { basis, subject, rule } = trust
  const claims = basis.kind === 'claims' ? basis.claims : []
  const critical = criticalFor(about, { subject, claims }, now)
  for (const key of critical.keys) noteKey(registry, about, key)
  return {
    standing: {
      outcome: 'trusted',
      rule,
      basis: basis.kind,
      exemption: basis.kind === 'exemption' ? placeOfExemption(about, subject, now) : undefined,
      claims: noteClaims(registry, about, claims),
      critical,
      until: until ?? trust.until,
    },
    subject,
  }
}

function placeOfExemption(policy: Policy, subject: Trust['subject'], now: Instant): number | undefined {
  const found = exemptionFor(policy, subject, now)
  return found && policy.exemptions.indexOf(found)
}

async function byEvidence(judging: Judging, path: string): Promise<Found | undefined> {
  const { inquiry, policy, end } = judging
  const time = end - performance.now()
  if (time <= 0) return undefined
  const verdict = await judgeWithin(() => verifyPath(inquiry, path, 'registered'), time).catch(onlyLate)
  if (verdict === undefined) return undefined
  if (verdict.outcome === 'trusted')
    return standingOf(judging, policyFor(policy, verdict.subject), verdict, undefined)
  // The last refusal may be for want of time.
  return performance.now() >= end ? undefined : { standing: { outcome: 'refused', refusal: verdict } }
}

function onlyLate(error: unknown): undefined {
  if (error instanceof LateError) return undefined
  throw error
}
