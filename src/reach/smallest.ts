/**
 * The fewest signatures with which paths pass: whom to ask for what. Pure. A path that no signature
 * helps needs an exemption.
 */
import { answerDemand } from '../policy/demands.ts'
import { standingOf } from '../policy/key-standing.ts'
import { policyFor } from '../policy/lists/policy-for.ts'
import { silenceOf } from '../policy/lists/scope.ts'
import { requirementFor, ruleFor } from '../policy/match.ts'
import {
  ASPECT,
  type Demand,
  type Instant,
  type Key,
  type Policy,
  type Requirement,
  ROLES,
  type Role,
  SELF,
} from '../policy/policy.ts'
import { peopleOf } from '../policy/seats.ts'
import type { Claim, Subject } from '../policy/verdict.ts'
import type { Weighing } from '../policy/weigh.ts'
import { weigh } from '../policy/weigh.ts'

/** A path that does not pass, with the claims that were found about it. */
export interface Lacking {
  readonly subject: Subject
  readonly claims: readonly Claim[]
}

/** A signature that is wanted of somebody, or the proof that it was logged. `path`: what it is over. */
export interface Wanted {
  readonly who: string
  readonly role: Role
  readonly path: string
  /** Who else would do in their place, by name. */
  readonly or?: readonly string[]
  /** It counts only if it is proven to be logged, for this quorum. */
  readonly logged?: string
  /** They signed already: nothing but the proof is missing. */
  readonly isSigned?: true
}

/** What is wanted for one path. */
export interface Proposal {
  readonly path: string
  /** Empty: it would pass by its own requirement. Undefined: no signature helps. */
  readonly signatures: readonly Wanted[] | undefined
  /** Whether no fewer would do. */
  readonly isExact: boolean
}

/** Sets of signatures that are tried for one path; beyond that one after the other is added. */
const TRIES = 20_000

/** A derivation whose build graph somebody could sign at once, and what that covers. */
export interface Graph {
  readonly derivation: string
  readonly members: ReadonlySet<string>
}

/** What is wanted for all of them. `graphs`: signatures over whole build graphs, as packager. */
export interface Proposals {
  readonly graphs: readonly Wanted[]
  readonly each: readonly Proposal[]
  readonly isExact: boolean
}

/** Choices of signatures over graphs that are tried, times paths. */
const GRAPH_TRIES = 20_000

/** Proposes for all paths at once: one signature over a build graph may stand for many. */
export function smallestForAll(
  policy: Policy,
  lacking: readonly Lacking[],
  graphs: readonly Graph[],
  now: Instant,
): Proposals {
  const under = (chosen: readonly Wanted[]) =>
    lacking.map(one => smallestFor(policy, withGraphs({ policy, now }, one, graphs, chosen), now))
  let best: Proposals = { graphs: [], each: under([]), isExact: true }
  const signers = new Set(
    best.each
      .flatMap(({ signatures = [] }) => signatures.map(({ who }) => who))
      .concat(lacking.flatMap(({ subject }) => candidatesOf(policy, subject, now).map(({ who }) => who))),
  )
  const candidates = graphs.flatMap(({ derivation }) =>
    [...signers].map(who => ({ who, role: 'packager' as const, path: derivation })),
  )
  const isSmall = candidates.length <= 12 && 2 ** candidates.length * lacking.length <= GRAPH_TRIES
  const most = isSmall ? candidates.length : Math.min(1, candidates.length)
  for (let size = 1; size <= most && size < costOf(best); size++) {
    for (const chosen of choices(candidates, size)) {
      const found = { graphs: chosen, each: under(chosen), isExact: true }
      if (costOf(found) < costOf(best)) best = found
    }
  }
  return {
    ...best,
    isExact: (isSmall || candidates.length === 0) && best.each.every(({ isExact }) => isExact),
  }
}

/** An exemption counts as more than any signatures: it vouches for nothing. */
function costOf({ graphs, each }: Proposals): number {
  const costs = each.map(({ signatures }) => signatures?.length ?? EXEMPTION_COST)
  return costs.reduce((sum, cost) => sum + cost, graphs.length)
}

const EXEMPTION_COST = 1000

/** A path with the claims that signatures over graphs would bring. */
function withGraphs(
  { policy: given, now }: { readonly policy: Policy; readonly now: Instant },
  { subject, claims }: Lacking,
  graphs: readonly Graph[],
  chosen: readonly Wanted[],
): Lacking {
  const policy = policyFor(given, subject)
  // Whoever signs has it logged, if that is asked for.
  const logging = [...policy.quorums.keys()].map(
    quorum => ({ quorum, outcome: 'proven', found: [] }) as const,
  )
  const more = chosen.flatMap(({ who, role, path: graph }): readonly Claim[] => {
    const covers = graphs.some(({ derivation, members }) => derivation === graph && members.has(subject.path))
    const key = validKey(policy, who, now)
    if (!covers || key === undefined) return []
    const { path, narHash } = subject
    return [{ key: key.identity, role, path, narHash, graph, logging, origin: 'wanted' }]
  })
  return { subject, claims: [...claims, ...more] }
}

function candidatesOf(given: Policy, subject: Subject, now: Instant): readonly Wanted[] {
  const policy = policyFor(given, subject)
  const requirement = requirementFor(ruleFor(policy, subject), subject.kind)
  return requirement.kind === 'all' ? candidatesFor(policy, subject, requirement.demands, now) : []
}

/** Proposes for one path. */
export function smallestFor(given: Policy, { subject, claims }: Lacking, now: Instant): Proposal {
  const { path } = subject
  const policy = policyFor(given, subject)
  const rule = ruleFor(policy, subject)
  const requirement = requirementFor(rule, subject.kind)
  if (requirement.kind === 'refuse') return { path, signatures: undefined, isExact: true }
  const demands = requirement.kind === 'all' ? requirement.demands : []
  const weighing = weigh(policy, subject, rule, claims, now)
  const meets = (added: readonly Wanted[]) =>
    meetsAll(policy, subject, demands, withAdded(policy, subject, weighing, added))
  if (meets([])) return { path, signatures: [], isExact: true }
  const candidates = withProofs(requirement, weighing, candidatesFor(policy, subject, demands, now))
  if (!meets(candidates)) return { path, signatures: undefined, isExact: true }
  const { signatures, isExact } = fewest(candidates, meets)
  return { path, signatures: signatures.map(one => withOthers(one, signatures, candidates, meets)), isExact }
}

/** Everybody who could fill a seat, in each role that a demand asks for. */
function candidatesFor(
  policy: Policy,
  { path, kind }: Subject,
  demands: readonly Demand[],
  now: Instant,
): readonly Wanted[] {
  const roles = ROLES[ASPECT[kind]]
  const [usual = 'packager'] = roles.includes('packager') ? (['packager'] as const) : roles
  const found = new Map<string, Wanted>()
  for (const { who, role = usual } of demands) {
    // An approver signs a graph: that does not vouch for this path.
    if (!roles.includes(role) || role === 'approver') continue
    for (const person of peopleOf(policy.groups, who)) {
      if (person === SELF || validKey(policy, person, now) === undefined) continue
      if (silenceOf(policy, person, role, now) !== undefined) continue
      found.set(`${person} ${role}`, { who: person, role, path })
    }
  }
  return [...found.values()].sort((a, b) => (a.who < b.who ? -1 : a.who > b.who ? 1 : 0))
}

/** Says of each whether a proof of a log is needed too; those first who lack nothing else. */
function withProofs(
  requirement: Requirement,
  { discounted }: Weighing,
  candidates: readonly Wanted[],
): readonly Wanted[] {
  const logged = requirement.kind === 'all' ? requirement.logged : undefined
  if (logged === undefined) return candidates
  const signedBy = ({ who, role }: Wanted) =>
    discounted.find(
      ({ claim, holder, finding }) =>
        finding.code === 'not-logged' && holder.principal.name === who && claim.role === role,
    )
  const [signed, others]: [Wanted[], Wanted[]] = [[], []]
  for (const one of candidates) {
    const found = signedBy(one)
    if (found === undefined) others.push({ ...one, logged })
    else signed.push({ ...one, path: found.claim.graph ?? one.path, logged, isSigned: true })
  }
  return [...signed, ...others]
}

function validKey(policy: Policy, name: string, now: Instant): Key | undefined {
  const principal = policy.principals.get(name)
  return principal?.keys.find(key => standingOf(policy, { principal, key }, now).code === 'valid')
}

/** The weighing as it would be with these signatures as well. */
function withAdded(
  policy: Policy,
  { narHash }: Subject,
  weighing: Weighing,
  added: readonly Wanted[],
): Weighing {
  const more = added.flatMap(({ who, role, path }) => {
    const principal = policy.principals.get(who)
    const [key] = principal?.keys ?? []
    if (principal === undefined || key === undefined) return []
    return [
      { claim: { key: key.identity, role, path, narHash, origin: 'wanted' }, holder: { principal, key } },
    ]
  })
  return { ...weighing, counting: [...weighing.counting, ...more] }
}

function meetsAll(policy: Policy, subject: Subject, demands: readonly Demand[], weighing: Weighing): boolean {
  return demands.every(demand => answerDemand(policy, subject, ASPECT[subject.kind], demand, weighing).met)
}

type Meets = (added: readonly Wanted[]) => boolean

/**
 * The smallest set that meets, by size; or, beyond a limit, one from which nothing can be left out.
 */
function fewest(candidates: readonly Wanted[], meets: Meets) {
  let tries = 0
  for (let size = 1; size <= candidates.length; size++) {
    for (const chosen of choices(candidates, size)) {
      if (++tries > TRIES) return { signatures: without(candidates, meets), isExact: false }
      if (meets(chosen)) return { signatures: chosen, isExact: true }
    }
  }
  return { signatures: candidates, isExact: true }
}

function without(candidates: readonly Wanted[], meets: Meets): readonly Wanted[] {
  let kept = candidates
  for (const one of candidates) {
    const rest = kept.filter(other => other !== one)
    if (meets(rest)) kept = rest
  }
  return kept
}

/** Adds who else would do, each in place of this one alone. */
function withOthers(
  one: Wanted,
  chosen: readonly Wanted[],
  candidates: readonly Wanted[],
  meets: Meets,
): Wanted {
  const others = candidates.filter(
    other =>
      other.role === one.role &&
      !chosen.includes(other) &&
      meets(chosen.map(each => (each === one ? other : each))),
  )
  return others.length === 0 ? one : { ...one, or: others.map(({ who }) => who) }
}

/** All choices of so many, in the order of the list. */
function* choices<T>(list: readonly T[], size: number, from = 0): Generator<readonly T[]> {
  if (size === 0) yield []
  for (let at = from; size > 0 && at <= list.length - size; at++) {
    const one = list[at]
    if (one === undefined) return
    for (const rest of choices(list, size - 1, at + 1)) yield [one, ...rest]
  }
}
