/** Keys and principals: what rests on each, and what would fall without. Pure. */
import { endOf, holdersOf, standingOf } from '../policy/key-standing.ts'
import { listNameOf } from '../policy/lists/names.ts'
import { policyFor } from '../policy/lists/policy-for.ts'
import type { Instant, Key, KeyIdentity, Policy, Role } from '../policy/policy.ts'
import type { Claim } from '../policy/verdict.ts'
import type { MadeOf } from '../reach/made-of.ts'
import type { Audit, AuditedClaim, AuditedKey, AuditedPrincipal } from './audit.ts'
import type { Member } from './member.ts'

/** Keys and principals, with the places of both. */
export interface People extends Pick<Audit, 'keys' | 'principals' | 'weakest'> {
  /** Claims as they are told. */
  told(claims: readonly Told[]): readonly AuditedClaim[]
}

/** What is told of a claim. */
export type Told = Pick<Claim, 'key' | 'role' | 'origin'> & { readonly graph?: string | undefined }

interface Counted {
  readonly policy: Policy
  readonly now: Instant
  /** Keys that signed something besides the paths. */
  readonly others: Iterable<KeyIdentity>
  /** In the order of the audit's paths. */
  readonly members: readonly Member[]
  /** Whether a path of this place belongs to the closure. */
  isInClosure(place: number): boolean
  readonly madeOf: MadeOf
}

/** Somebody's key as it is told, before it is known what falls with it. */
interface KnownKey {
  readonly key: Key | undefined
  readonly label: string
  readonly principal: string | undefined
  readonly until: Instant | undefined
  readonly isRevoked: boolean
}

/** Goes once over all paths. */
export function peopleIn({ policy, now, others, members, isInClosure, madeOf }: Counted): People {
  const keys = new Map<KeyIdentity, KnownKey>()
  const principals = new Map<string, Set<Role>>()
  const fallen = new Map<string, string[]>()
  const know = (under: Policy, identity: KeyIdentity) => {
    const known = keys.get(identity)
    if (known?.key !== undefined) return known
    const found = knownKey(under, identity, now)
    keys.set(identity, found)
    return found
  }
  for (const principal of policy.principals.values()) {
    principals.set(principal.name, new Set())
    for (const { identity } of principal.keys) know(policy, identity)
  }
  for (const identity of others) know(policy, identity)
  const put = (who: string, path: string) => {
    const own = fallen.get(who)
    if (own === undefined) fallen.set(who, [path])
    else own.push(path)
  }
  for (const { path, standing } of members) {
    if (standing.outcome !== 'trusted') continue
    const { subject, claims, critical } = standing
    const about = subject === undefined ? policy : policyFor(policy, subject)
    for (const { key, role } of claims) {
      know(about, key)
      for (const { principal } of holdersOf(about, key)) {
        const roles = principals.get(principal.name) ?? new Set()
        principals.set(principal.name, roles.add(role))
      }
    }
    for (const key of critical.keys) {
      know(about, key)
      put(`key ${key}`, path)
    }
    for (const name of critical.principals) put(`principal ${name}`, path)
  }
  // What is refused anyhow does not fall.
  const passing = members.flatMap(({ path, standing }, place) =>
    standing.outcome === 'trusted' ? [[path, place] as const] : [],
  )
  const places = new Map(passing)
  const falls = fallsOf([...fallen], { madeOf, places, isInClosure })
  return peopleOf({ policy, keys, principals, falls })
}

function knownKey(policy: Policy, identity: KeyIdentity, now: Instant): KnownKey {
  const [holder] = holdersOf(policy, identity)
  if (holder === undefined)
    return { key: undefined, label: identity, principal: undefined, until: undefined, isRevoked: false }
  const { key, principal } = holder
  return {
    key,
    label: key.label,
    principal: principal.name,
    until: endOf(policy, holder),
    isRevoked: standingOf(policy, holder, now).code === 'revoked',
  }
}

/** Of everybody, the places of the closure's paths that fall, in order. */
function fallsOf(
  fallen: readonly (readonly [who: string, paths: readonly string[]])[],
  {
    madeOf,
    places,
    isInClosure,
  }: Pick<Counted, 'madeOf' | 'isInClosure'> & { places: ReadonlyMap<string, number> },
): ReadonlyMap<string, readonly number[]> {
  const falls = fallen.map((): number[] => [])
  for (const [path, sets] of madeOf.afterEach(fallen.map(([, paths]) => paths))) {
    const place = places.get(path)
    if (place === undefined || !isInClosure(place)) continue
    for (const set of sets) falls[set]?.push(place)
  }
  return new Map(fallen.map(([who], index) => [who, (falls[index] ?? []).sort((a, b) => a - b)] as const))
}

interface Known {
  readonly policy: Policy
  readonly keys: ReadonlyMap<KeyIdentity, KnownKey>
  readonly principals: ReadonlyMap<string, ReadonlySet<Role>>
  readonly falls: ReadonlyMap<string, readonly number[]>
}

/** Those on whom most depends come first. */
function peopleOf({ policy, keys, principals, falls }: Known): People {
  const byFalls = (kind: string) => (a: string, b: string) =>
    (falls.get(`${kind} ${b}`)?.length ?? 0) - (falls.get(`${kind} ${a}`)?.length ?? 0)
  const names = [...principals.keys()].sort(byFalls('principal'))
  const identities = [...keys.keys()].sort(byFalls('key'))
  const places = new Map(names.map((name, place) => [name, place]))
  const keyPlaces = new Map(identities.map((identity, place) => [identity, place]))
  const auditedKeys = identities.map((identity): AuditedKey => {
    const { label = identity, principal, until, isRevoked = false } = keys.get(identity) ?? {}
    return {
      identity,
      label,
      principal: principal === undefined ? undefined : places.get(principal),
      until,
      isRevoked,
      falls: falls.get(`key ${identity}`) ?? [],
    }
  })
  const [first] = auditedKeys
  return {
    keys: auditedKeys,
    principals: names.map(
      (name, place): AuditedPrincipal => ({
        name,
        list: listNameOf(name, policy.lists),
        roles: [...(principals.get(name) ?? [])].sort(),
        keys: auditedKeys.flatMap(({ principal }, key) => (principal === place ? [key] : [])),
        falls: falls.get(`principal ${name}`) ?? [],
      }),
    ),
    weakest:
      first === undefined || first.falls.length === 0 ? undefined : { key: 0, falls: first.falls.length },
    told: claims =>
      claims.flatMap(({ key, role, graph, origin }) => {
        const place = keyPlaces.get(key)
        return place === undefined ? [] : [{ key: place, role, graph, origin }]
      }),
  }
}
