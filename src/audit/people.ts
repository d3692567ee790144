/** Keys and principals: what rests on each, and what would fall without. Pure. */
import { withoutSecretsIn } from '../formats/without-secrets.ts'
import { listNameOf } from '../policy/lists/names.ts'
import type { KeyIdentity, Role } from '../policy/policy.ts'
import type { MadeOf } from '../reach/made-of.ts'
import type { Audit, AuditedClaim, AuditedKey, AuditedPrincipal } from './audit.ts'
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
  /** Whether a path of this place belongs to the closure. */
  isInClosure(place: number): boolean
  readonly madeOf: MadeOf
}

/** Goes once over all paths. */
export function peopleIn({ registry, members, isInClosure, madeOf }: Counted): People {
  const roles = new Map<string, Set<Role>>()
  for (const name of registry.policy.principals.keys()) roles.set(name, new Set())
  const fallen = new Map<string, string[]>()
  const alone = new Map<string, number[]>()
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
    const put = (who: string) => (leads ? add(fallen, who, path) : add(alone, who, place))
    for (const key of critical.keys) put(keyed(key))
    for (const name of critical.principals) put(called(name))
  }
  // What is refused anyhow does not fall.
  const passing = members.flatMap(({ path, standing }, place) =>
    standing.outcome === 'trusted' ? [[path, place] as const] : [],
  )
  const places = new Map(passing)
  const falls = fallsOf([...fallen], { madeOf, places, isInClosure }, alone)
  return peopleOf({ registry, roles, falls })
}

const keyed = (identity: KeyIdentity) => `key ${identity}`
const called = (name: string) => `principal ${name}`

interface Reached extends Pick<Counted, 'madeOf' | 'isInClosure'> {
  readonly places: ReadonlyMap<string, number>
}

function add<T>(lists: Map<string, T[]>, who: string, one: T): void {
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
  { madeOf, places, isInClosure }: Reached,
  alone: ReadonlyMap<string, readonly number[]>,
): ReadonlyMap<string, readonly number[]> {
  const falls = fallen.map((): number[] => [])
  for (const [path, sets] of madeOf.afterEach(fallen.map(([, paths]) => paths))) {
    const place = places.get(path)
    if (place === undefined || !isInClosure(place)) continue
    for (const set of sets) falls[set]?.push(place)
  }
  const all = new Map(alone)
  for (const [index, [who]] of fallen.entries()) {
    const own = new Set([...(falls[index] ?? []), ...(alone.get(who) ?? [])])
    all.set(
      who,
      [...own].sort((a, b) => a - b),
    )
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
  // Paths that are alike share their claims.
  const told = new Map<unknown, readonly AuditedClaim[]>()
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
    told(claims) {
      const known = told.get(claims)
      if (known !== undefined) return known
      const all = claims.flatMap(({ key, role, graph, origin }) => {
        const place = keyPlaces.get(key)
        return place === undefined ? [] : [{ key: place, role, graph, origin: withoutSecretsIn(origin) }]
      })
      told.set(claims, all)
      return all
    },
  }
}
