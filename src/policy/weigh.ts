import { datedFor, earliest, holderOf, type KeyHolder, type KeyStanding, standingOf } from './key-standing.ts'
import { ASPECT, type Instant, type Policy, ROLES, type Rule } from './policy.ts'
import type { Claim, Finding, Stray, Subject } from './verdict.ts'

/** A claim by a key of the trusted list, with the key's holder. */
export interface HeldClaim {
  readonly claim: Claim
  readonly holder: KeyHolder
}

/** A claim that would count but for one reason. */
export interface Discounted extends HeldClaim {
  readonly finding: Extract<Finding, { code: 'wrong-digest' | 'revoked' | 'expired' | 'not-yet-valid' }>
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
 * Weighs claims; docs/semantics.md, S4 to S7 and S17. Names and numbers of people do not matter
 * here; seats.ts counts them.
 */
export function weigh(
  policy: Policy,
  subject: Subject,
  rule: Rule,
  claims: readonly Claim[],
  now: Instant,
): Weighing {
  const counting: HeldClaim[] = []
  const discounted: Discounted[] = []
  const conflicts: Extract<Finding, { code: 'conflict' }>[] = []
  const conflictFrom: Instant[] = []
  const strays: Stray[] = []
  for (const claim of claims) {
    const listed = holderOf(policy, claim.key)
    const holder = listed && datedFor(policy, listed, { role: claim.role, name: subject.name }, now)
    const stray = strayOf(claim, listed, subject)
    if (stray !== undefined || holder === undefined) {
      strays.push(stray ?? uncovered(claim, subject))
      continue
    }
    const standing = standingOf(policy, holder, now)
    const disagrees = claim.narHash !== subject.narHash
    const ended = claim.until !== undefined && claim.until <= now
    const contradicts = claim.role === 'builder' && disagrees && claim.expired === undefined && !ended
    if (contradicts && standing.code === 'valid') {
      conflicts.push({ code: 'conflict', ...attested(claim, holder), judged: subject.narHash })
      continue
    }
    if (contradicts && standing.code === 'not-yet-valid') conflictFrom.push(standing.at)
    const unused = unusedBecause(claim, subject, rule)
    if (unused !== undefined) {
      strays.push({ problem: 'unused', origin: claim.origin, detail: `${holder.principal.name}: ${unused}` })
    } else if (standing.code !== 'valid') {
      discounted.push({ claim, holder, finding: findingOf(standing, holder) })
    } else if (ended) {
      discounted.push({
        claim,
        holder,
        finding: { code: 'expired', who: holder.principal.name, at: claim.until },
      })
    } else if (claim.expired !== undefined && !acceptsExpiredKey(subject, rule)) {
      const finding = { code: 'expired', who: holder.principal.name, ...claim.expired } as const
      discounted.push({ claim, holder, finding })
    } else if (disagrees) {
      discounted.push({ claim, holder, finding: { code: 'wrong-digest', ...attested(claim, holder) } })
    } else {
      counting.push({ claim, holder })
    }
  }
  return { counting, discounted, conflicts, conflictFrom: earliest(conflictFrom), strays }
}

function strayOf(claim: Claim, holder: KeyHolder | undefined, subject: Subject): Stray | undefined {
  if (holder === undefined) return { problem: 'unknown-signer', origin: claim.origin, detail: claim.key }
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
