import type { KeyHolder } from './key-standing.ts'
import { type AbsentList, absentLists } from './lists/absent.ts'
import { listNameOf } from './lists/names.ts'
import { personsIn } from './lists/ownerships.ts'
import { isAbout, namedDevelopers } from './lists/policy-for.ts'
import { isInScope } from './lists/scope.ts'
import {
  type Aspect,
  type Demand,
  type Instant,
  ITS_DEVELOPERS,
  type Policy,
  type Role,
  SELF,
} from './policy.ts'
import { fillSeats, isFilled, peopleOf, type Seats } from './seats.ts'
import type { Finding, Need, Stray, Subject } from './verdict.ts'
import type { Discounted, HeldClaim, Weighing } from './weigh.ts'

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
  const seats = seatsFilled(policy, demand.who, present)
  const { who, role } = demand
  const { threshold, of } = seats
  const by = who === ITS_DEVELOPERS ? { by: namedDevelopers(policy) } : {}
  const need: Need = { aspect, who, threshold, of, ...by, ...(role === undefined ? {} : { role }) }
  return { demand, need, seats, met: isFilled(seats), counted, principals: [...present] }
}

/**
 * The most seats that can be filled, whichever lists one goes by. Principals who share a raw key,
 * as the lists chosen say, are one person. A list can say that two people are one, but only for
 * those who go by it: so no list takes a seat from the user's own people or from another list's.
 */
function seatsFilled(policy: Policy, who: string, present: ReadonlySet<string>): Seats {
  const { groups, lists, principals } = policy
  const involved = [...new Set([...present].flatMap(name => listNameOf(name, lists) ?? []))]
  if (involved.length === 0 || !isAbout(policy)) return fillSeats(groups, who, present)
  let best: Seats | undefined
  for (const chosen of choicesOf(involved)) {
    const persons = personsIn({ own: policy.whole.principals, principals, lists }, chosen)
    const among = new Set([...present].filter(name => isAmong(listNameOf(name, lists), chosen)))
    const seats = fillSeats(groups, who, among, persons)
    if (isFilled(seats)) return seats
    if (best === undefined || seats.filled.length > best.filled.length) best = seats
  }
  return best ?? fillSeats(groups, who, present)
}

function isAmong(list: string | undefined, chosen: ReadonlySet<string>): boolean {
  return list === undefined || chosen.has(list)
}

/** Every choice of some lists, all of them first. A policy has a few (language/lists.ts). */
function choicesOf(lists: readonly string[]): readonly ReadonlySet<string>[] {
  let choices: (readonly string[])[] = [[]]
  for (const list of lists) choices = choices.flatMap(choice => [[...choice, list], choice])
  choices.sort((one, other) => other.length - one.length)
  return choices.map(choice => new Set(choice))
}

/** An unmet demand, and the lists that have no word on it although it asks them. */
export interface Unmet extends DemandResult {
  readonly absent: readonly AbsentList[]
}

/** Adds to demands that are not met which lists are missing. */
export function withAbsent(
  policy: Policy,
  { name }: Subject,
  unmet: readonly DemandResult[],
  now: Instant,
): readonly Unmet[] {
  return unmet.map(result => {
    const { demand, need } = result
    return { ...result, absent: absentLists(policy, demand, { name, aspect: need.aspect, now }) }
  })
}

/**
 * Why these demands are not met, the most telling reason first: forged or altered, then withdrawn,
 * then too few. Empty exactly if `unmet` is. Includes only reasons that concern them.
 */
export function explainUnmet(
  policy: Policy,
  subject: Subject,
  unmet: readonly Unmet[],
  { discounted, strays }: Pick<Weighing, 'discounted' | 'strays'>,
): Finding[] {
  if (unmet.length === 0) return []
  const isFor = ({ demand }: Unmet, { claim, holder }: Discounted) =>
    isAskedFor(demand, peopleOf(policy.groups, demand.who), claim.role, holder)
  const relevant = discounted.filter(one => unmet.some(answer => isFor(answer, one)))
  const bad = strays.flatMap(strayFinding)
  const told: Finding[] = [...bad, ...relevant.map(({ finding }) => finding)]
  const ordered = SEVERITY.flatMap(code => told.filter(finding => finding.code === code))
  const absent = new Map(unmet.flatMap(answer => answer.absent).map(one => [one.list, one]))
  return [
    ...ordered,
    ...absent.values(),
    ...unmet.map(answer => {
      const isDiscounted = bad.length > 0 || relevant.some(one => isFor(answer, one))
      return shortfall(answer, { policy, subject, strays, isDiscounted })
    }),
  ]
}

const SEVERITY: readonly Finding['code'][] = [
  'bad-signature',
  'wrong-digest',
  'revoked',
  'expired',
  'not-yet-valid',
  'not-logged',
]

function strayFinding(stray: Stray): Finding[] {
  switch (stray.problem) {
    case 'bad-signature':
      return [{ code: 'bad-signature', stray }]
    case 'revoked-key':
      return [{ code: 'revoked', who: keyOf(stray) }]
    case 'expired-signature':
      return [{ code: 'expired', who: keyOf(stray) }]
    default:
      return []
  }
}

/** The key that a stray is about, without what is wrong with it: that is the finding. */
function keyOf({ detail }: Stray): string {
  return detail.split(': ', 1)[0] ?? detail
}

/** What a demand that is not met is told with. */
interface Circumstances {
  readonly policy: Policy
  readonly subject: Subject
  readonly strays: readonly Stray[]
  /** Whether signatures were found for it that do not count. */
  readonly isDiscounted: boolean
}

function shortfall(
  { need, seats, principals, absent }: Unmet,
  { policy, subject, strays, isDiscounted }: Circumstances,
): Finding {
  if (need.who === ITS_DEVELOPERS && need.of === 0 && absent.length === 0 && isAbout(policy)) {
    const { name, urls = [] } = subject
    return { code: 'no-developer', need, name, urls, lists: policy.asked, silent: silentLists(policy, name) }
  }
  if (principals.length > 0) return { code: 'threshold', need, found: seats.filled }
  const unknown = strays.filter(({ problem }) => problem === 'unknown-signer')
  if (unknown.length > 0) return { code: 'unknown-signer', need, strays: unknown }
  return isDiscounted ? { code: 'unsigned', need, isDiscounted } : { code: 'unsigned', need }
}

/** The lists that were not asked for developers of what has this name, and why. */
function silentLists({ lists }: Policy, name: string): Extract<Finding, { code: 'no-developer' }>['silent'] {
  return [...lists.values()].flatMap(list => {
    if (!list.roles.includes('developer')) return { list: list.name, lacks: 'role' as const }
    return isInScope(list, name) ? [] : { list: list.name, lacks: 'name' as const }
  })
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
