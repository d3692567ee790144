import {
  datedFor,
  earliest,
  holdersOf,
  type KeyHolder,
  type KeyStanding,
  standingOf,
} from './key-standing.ts'
import { silenceOf } from './lists/scope.ts'
import { countQuorum } from './log-quorums.ts'
import { requirementFor } from './match.ts'
import { ASPECT, type Instant, type Policy, ROLES, type Rule } from './policy.ts'
import type { Claim, Finding, Stray, Subject } from './verdict.ts'

/** A claim by a key of the trusted list, with the key's holder. */
export interface HeldClaim {
  readonly claim: Claim
  readonly holder: KeyHolder
}

/** A claim that would count but for one reason. */
export interface Discounted extends HeldClaim {
  readonly finding: Extract<
    Finding,
    { code: 'wrong-digest' | 'revoked' | 'expired' | 'not-yet-valid' | 'not-logged' }
  >
}

/** Claims sorted by their worth for one subject, under one rule, at one instant. */
export interface Weighing {
  readonly counting: readonly HeldClaim[]
  readonly discounted: readonly Discounted[]
  /** Builders of the trusted list who currently claim other contents for the path. */
  readonly conflicts: readonly Extract<Finding, { code: 'conflict' }>[]
  /** The earliest time at which a builder's key becomes valid that makes its claim a conflict. */
  readonly conflictFrom: Instant | undefined
  /** Claims about other subjects, or that the rule does not ask for. */
  readonly strays: readonly Stray[]
}

/**
 * Weighs claims; docs/semantics.md, S4 to S7, S17 and S20. Names and numbers of people do not
 * matter here; seats.ts counts them. A key that lists have too is weighed for each of its holders.
 */
export function weigh(
  policy: Policy,
  subject: Subject,
  rule: Rule,
  claims: readonly Claim[],
  now: Instant,
): Weighing {
  const weighing: Scales = { counting: [], discounted: [], conflicts: [], strays: [] }
  const conflictFrom: Instant[] = []
  for (const claim of claims) {
    const holders = holdersOf(policy, claim.key)
    const use = { role: claim.role, name: subject.name }
    const dated = holders.flatMap(holder => datedFor(policy, holder, use, now) ?? [])
    const stray = strayOf(claim, holders, subject)
    if (stray !== undefined || dated.length === 0) {
      weighing.strays.push(stray ?? uncovered(claim, subject))
      continue
    }
    const silences = dated.map(({ principal }) => silenceOf(policy, principal.name, claim.role, now))
    const heard = dated.filter((_, index) => silences[index] === undefined)
    const [silence] = silences
    if (heard.length === 0 && silence !== undefined) {
      weighing.strays.push({ problem: 'unused', origin: claim.origin, detail: silence })
      continue
    }
    const held = heard.map(holder => ({ claim, holder, standing: standingOf(policy, holder, now) }))
    const contradicting = held.filter(() => contradicts(claim, subject, now))
    const conflict = contradicting.find(({ standing }) => standing.code === 'valid')
    if (conflict !== undefined) {
      weighing.conflicts.push({
        code: 'conflict',
        ...attested(claim, conflict.holder),
        judged: subject.narHash,
      })
      continue
    }
    for (const { standing } of contradicting)
      if (standing.code === 'not-yet-valid') conflictFrom.push(standing.at)
    for (const each of held) weighHeld(each, { policy, subject, rule, now }, weighing)
  }
  return { ...weighing, conflictFrom: earliest(conflictFrom) }
}

interface Scales {
  readonly counting: HeldClaim[]
  readonly discounted: Discounted[]
  readonly conflicts: Extract<Finding, { code: 'conflict' }>[]
  readonly strays: Stray[]
}

interface Question {
  readonly policy: Policy
  readonly subject: Subject
  readonly rule: Rule
  readonly now: Instant
}

/** A builder's claim about other contents, which is in conflict if the key is in good standing. */
function contradicts(claim: Claim, subject: Subject, now: Instant): boolean {
  if (claim.role !== 'builder' || claim.narHash === subject.narHash) return false
  return claim.expired === undefined && !hasEnded(claim, now)
}

function hasEnded({ until }: Claim, now: Instant): boolean {
  return until !== undefined && until <= now
}

function weighHeld(
  { claim, holder, standing }: HeldClaim & { readonly standing: KeyStanding },
  { policy, subject, rule, now }: Question,
  { counting, discounted, strays }: Scales,
): void {
  const who = holder.principal.name
  const discount = (finding: Discounted['finding']) => discounted.push({ claim, holder, finding })
  const unused = unusedBecause(claim, subject, rule)
  const unlogged = unloggedBecause(policy, rule, subject, { claim, holder })
  if (unused !== undefined) {
    strays.push({ problem: 'unused', origin: claim.origin, detail: `${who}: ${unused}` })
  } else if (standing.code !== 'valid') {
    discount(findingOf(standing, holder))
  } else if (hasEnded(claim, now) && claim.until !== undefined) {
    discount({ code: 'expired', who, at: claim.until })
  } else if (claim.expired !== undefined && !acceptsExpiredKey(subject, rule)) {
    discount({ code: 'expired', who, ...claim.expired })
  } else if (claim.narHash !== subject.narHash) {
    discount({ code: 'wrong-digest', ...attested(claim, holder) })
  } else if (unlogged !== undefined) {
    discount(unlogged)
  } else {
    counting.push({ claim, holder })
  }
}

function strayOf(claim: Claim, holders: readonly KeyHolder[], subject: Subject): Stray | undefined {
  if (holders.length === 0) return { problem: 'unknown-signer', origin: claim.origin, detail: claim.key }
  if (claim.path === subject.path) return undefined
  return { problem: 'other-subject', origin: claim.origin, detail: claim.path }
}

/** For a key whose certificates do not cover this. */
function uncovered({ key, role, origin }: Claim, { name }: Subject): Stray {
  const detail = `the certificate of ${key} does not cover a ${role} of ${name}`
  return { problem: 'unused', origin, detail }
}

function unusedBecause(claim: Claim, subject: Subject, rule: Rule): string | undefined {
  const aspect = ASPECT[subject.kind]
  if (!ROLES[aspect].includes(claim.role)) return `no requirement for the ${aspect} asks for a ${claim.role}`
  if (claim.graph === undefined) return undefined
  if (claim.role !== 'packager') return "a build graph is a packager's to sign"
  return rule.acceptGraph
    ? undefined
    : `signed the build graph of ${claim.graph}, which the rule does not accept`
}

/** docs/semantics.md, Q1 to Q3: what is missing where the rule takes only what is proven to be logged. */
function unloggedBecause(
  { quorums }: Policy,
  rule: Rule,
  subject: Subject,
  { claim, holder }: HeldClaim,
): Extract<Finding, { code: 'not-logged' }> | undefined {
  const requirement = requirementFor(rule, subject.kind)
  const name = requirement.kind === 'all' ? requirement.logged : undefined
  if (name === undefined) return undefined
  const standing = claim.logging?.find(({ quorum }) => quorum === name)
  if (standing?.outcome === 'proven') return undefined
  const needed = quorums.get(name)?.policy.quorum ?? { kind: 'none' }
  return {
    code: 'not-logged',
    who: holder.principal.name,
    quorum: name,
    ...countQuorum(needed, standing?.found ?? []),
    ...(standing === undefined ? {} : { standing }),
    origin: claim.origin,
  }
}

/**
 * docs/semantics.md, S17. A claim counts as one by an expired key only if it is dated before the
 * key expired.
 */
function acceptsExpiredKey(subject: Subject, rule: Rule): boolean {
  return ASPECT[subject.kind] === 'source' && rule.acceptExpiredKey === 'if-signed-before'
}

function findingOf(
  standing: Exclude<KeyStanding, { code: 'valid' }>,
  holder: KeyHolder,
): Discounted['finding'] {
  return { ...standing, who: holder.principal.name }
}

function attested(claim: Claim, holder: KeyHolder) {
  return { who: holder.principal.name, attested: claim.narHash, origin: claim.origin }
}
