import type { KeyHolder } from './key-standing.ts'
import { type Aspect, type Demand, type Policy, type Role, SELF } from './policy.ts'
import { fillSeats, isFilled, peopleOf, type Seats } from './seats.ts'
import type { Finding, Need, Stray, Subject } from './verdict.ts'
import type { HeldClaim, Weighing } from './weigh.ts'

/** The result of one demand of a requirement. */
export interface DemandResult {
  readonly demand: Demand
  readonly need: Need
  readonly seats: Seats
  readonly met: boolean
  /**
   * Claims of everybody who could fill a seat, even where fewer are enough, so that none is left
   * out by chance.
   */
  readonly counted: readonly HeldClaim[]
  /** The principals that counted, including `self` if this machine did. */
  readonly principals: readonly string[]
}

/** Compares the claims that count with one demand; docs/semantics.md, S8 to S10. */
export function answerDemand(
  policy: Policy,
  subject: Subject,
  aspect: Aspect,
  demand: Demand,
  { counting }: Weighing,
): DemandResult {
  const people = peopleOf(policy.groups, demand.who)
  const counted = counting.filter(held => isAskedFor(demand, people, held.claim.role, held.holder))
  const present = new Set(counted.map(({ holder }) => holder.principal.name))
  if (people.has(SELF) && isPresentHere(subject, aspect, demand.role)) present.add(SELF)
  const seats = fillSeats(policy.groups, demand.who, present)
  const { who, role } = demand
  const { threshold, of } = seats
  const need: Need = { aspect, who, threshold, of, ...(role === undefined ? {} : { role }) }
  return { demand, need, seats, met: isFilled(seats), counted, principals: [...present] }
}

/**
 * Why these demands are not met, the most telling reason first: forged or altered, then withdrawn,
 * then too few. Empty exactly if `unmet` is. Includes only reasons that concern them.
 */
export function explainUnmet(
  policy: Policy,
  unmet: readonly DemandResult[],
  { discounted }: Weighing,
  strays: readonly Stray[],
): Finding[] {
  if (unmet.length === 0) return []
  const relevant = discounted.filter(({ claim, holder }) =>
    unmet.some(({ demand }) => isAskedFor(demand, peopleOf(policy.groups, demand.who), claim.role, holder)),
  )
  const told: Finding[] = [...strays.flatMap(strayFinding), ...relevant.map(({ finding }) => finding)]
  const ordered = SEVERITY.flatMap(code => told.filter(finding => finding.code === code))
  return [...ordered, ...unmet.map(answer => shortfall(answer, strays))]
}

const SEVERITY: readonly Finding['code'][] = [
  'bad-signature',
  'wrong-digest',
  'revoked',
  'expired',
  'not-yet-valid',
]

function strayFinding(stray: Stray): Finding[] {
  switch (stray.problem) {
    case 'bad-signature':
      return [{ code: 'bad-signature', stray }]
    case 'revoked-key':
      return [{ code: 'revoked', who: stray.detail }]
    case 'expired-signature':
      return [{ code: 'expired', who: stray.detail }]
    default:
      return []
  }
}

function shortfall({ need, seats, principals }: DemandResult, strays: readonly Stray[]): Finding {
  if (principals.length > 0) return { code: 'threshold', need, found: seats.filled }
  const unknown = strays.filter(({ problem }) => problem === 'unknown-signer')
  return unknown.length > 0 ? { code: 'unknown-signer', need, strays: unknown } : { code: 'unsigned', need }
}

function isAskedFor(demand: Demand, people: ReadonlySet<string>, role: Role, holder: KeyHolder): boolean {
  return people.has(holder.principal.name) && fits(demand, role)
}

/** docs/semantics.md, S10: this machine vouches for its own builds, and for what it approved. */
function isPresentHere(subject: Subject, aspect: Aspect, role: Role | undefined): boolean {
  if (aspect === 'output') return subject.builtHere
  return role === 'approver' && subject.approvedHere === true
}

/**
 * An approval says that expressions were signed, not that somebody looked at this very path: so it
 * counts only where a demand asks for it.
 */
function fits(demand: Demand, role: Role): boolean {
  return demand.role === undefined ? role !== 'approver' : demand.role === role
}
