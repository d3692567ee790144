/** Keys and principals: what rests on each, and what would fall without. Pure. */
import { withoutSecretsIn } from '../formats/without-secrets.ts'
import { listNameOf } from '../policy/lists/names.ts'
import type { KeyIdentity, Role } from '../policy/policy.ts'
import { eachOnce } from '../primitives/each-once.ts'
import type { MadeOf } from '../reach/made-of.ts'
import type { Audit, AuditedClaim, AuditedKey, AuditedPrincipal } from './audit.ts'
import type { Critical } from './critical.ts'
import type { KeyRegistry, ToldClaim } from './key-registry.ts'
import type { Member } from './member.ts'

/** Keys and principals, with the places of both. */
export interface People extends Pick<Audit, 'keys' | 'principals' | 'weakest'> {
  /** Claims as the audit has them. */
  told(claims: readonly Omit<ToldClaim, 'holders'>[]): readonly AuditedClaim[]
}

interface Counted {
  readonly registry: KeyRegistry
  /** In the order of the audit's paths. */
  readonly members: readonly Member[]
  /** Of each path, its place among them. */
  readonly places: ReadonlyMap<string, number>
  /** Whether a path of this place belongs to the closure. */
  isInClosure(place: number): boolean
  readonly madeOf: MadeOf
}

/** Goes once over all paths. */
export function peopleIn({ registry, members, places, isInClosure, madeOf }: Counted): People {
  const roles = new Map<string, Set<Role>>()
  for (const name of registry.policy.principals.keys()) roles.set(name, new Set())
  const fallen = new Map<string, string[]>()
  const alone = new Map<Critical, number[]>()
  const seen = new Set<unknown>()
  for (const [place, { path, standing }] of members.entries()) {
    if (standing.outcome !== 'trusted') continue
    const { claims, critical } = standing
    // Many paths share them.
    if (!seen.has(claims))
      for (const { role, holders } of claims)
        for (const name of holders) roles.set(name, (roles.get(name) ?? new Set()).add(role))
    seen.add(claims)
    if (critical.keys.length === 0 && critical.principals.length === 0) continue
    const leads = madeOf.leadsOn(path)
    if (!leads && !isInClosure(place)) continue
    if (leads) for (const who of everybodyIn(critical)) add(fallen, who, path)
    else add(alone, critical, place)
  }
  const falls = fallsOf([...fallen], { members, madeOf, places, isInClosure }, byPerson(alone))
  return peopleOf({ registry, roles, falls })
}

function everybodyIn({ keys, principals }: Critical): readonly string[] {
  return [...keys.map(keyed), ...principals.map(called)]
}

/** Paths that are alike share who is critical, so there are few of these. */
function byPerson(alone: ReadonlyMap<Critical, readonly number[]>): ReadonlyMap<string, readonly number[]> {
  const lists = new Map<string, (readonly number[])[]>()
  for (const [critical, places] of alone) for (const who of everybodyIn(critical)) add(lists, who, places)
  return new Map(
    [...lists].map(([who, all]) => [who, all.length === 1 ? (all[0] ?? []) : inOrder(all.flat())]),
  )
}

function inOrder(places: Iterable<number>): readonly number[] {
  return [...places].sort((a, b) => a - b)
}

const keyed = (identity: KeyIdentity) => `key ${identity}`
const called = (name: string) => `principal ${name}`

type Reached = Omit<Counted, 'registry'>

function add<Who, T>(lists: Map<Who, T[]>, who: Who, one: T): void {
  const own = lists.get(who)
  if (own === undefined) lists.set(who, [one])
  else own.push(one)
}

/**
 * Of everybody, the places of the closure's paths that fall, in order. `alone`: of those from which
 * nothing was made.
 */
function fallsOf(
  fallen: readonly (readonly [who: string, paths: readonly string[]])[],
  { members, madeOf, places, isInClosure }: Reached,
  alone: ReadonlyMap<string, readonly number[]>,
): ReadonlyMap<string, readonly number[]> {
  const falls = fallen.map((): number[] => [])
  for (const [path, sets] of madeOf.afterEach(fallen.map(([, paths]) => paths))) {
    const place = places.get(path)
    if (place === undefined || !isInClosure(place)) continue
    // What is refused anyhow does not fall.
    if (members[place]?.standing.outcome !== 'trusted') continue
    for (const set of sets) falls[set]?.push(place)
  }
  const all = new Map(alone)
  for (const [index, [who]] of fallen.entries()) {
    all.set(who, inOrder(new Set([...(falls[index] ?? []), ...(alone.get(who) ?? [])])))
  }
  return all
}

interface Known {
  readonly registry: KeyRegistry
  readonly roles: ReadonlyMap<string, ReadonlySet<Role>>
  readonly falls: ReadonlyMap<string, readonly number[]>
}

/** Those on whom most depends come first. */
function peopleOf({ registry, roles, falls }: Known): People {
  const { keys, policy } = registry
  const fallsWith = (who: string) => falls.get(who) ?? []
  const most = (id: (name: string) => string) => (a: string, b: string) =>
    fallsWith(id(b)).length - fallsWith(id(a)).length
  const names = [...roles.keys()].sort(most(called))
  const identities = [...keys.keys()].sort(most(keyed))
  const places = new Map(names.map((name, place) => [name, place]))
  const keyPlaces = new Map(identities.map((identity, place) => [identity, place]))
  const auditedKeys = [...identities].map((identity): AuditedKey => {
    const known = keys.get(identity)
    return {
      identity,
      label: known?.label ?? identity,
      principal: places.get(known?.principal ?? ''),
      until: known?.until,
      isRevoked: known?.isRevoked ?? false,
      falls: fallsWith(keyed(identity)),
    }
  })
  const [first] = auditedKeys
  const isWeak = first !== undefined && first.falls.length > 0
  return {
    keys: auditedKeys,
    principals: names.map(
      (name, place): AuditedPrincipal => ({
        name,
        list: listNameOf(name, policy.lists),
        roles: [...(roles.get(name) ?? [])].sort(),
        keys: auditedKeys.flatMap(({ principal }, key) => (principal === place ? [key] : [])),
        falls: fallsWith(called(name)),
      }),
    ),
    weakest: isWeak ? { key: 0, falls: first.falls.length } : undefined,
    // Paths that are alike share their claims.
    told: eachOnce((claims: readonly Omit<ToldClaim, 'holders'>[]): readonly AuditedClaim[] =>
      claims.flatMap(({ key, role, graph, origin }) => {
        const place = keyPlaces.get(key)
        return place === undefined ? [] : [{ key: place, role, graph, origin: withoutSecretsIn(origin) }]
      }),
    ),
  }
}
