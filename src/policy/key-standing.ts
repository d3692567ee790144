import { endOfList, listOfName, silenceOf } from './lists/scope.ts'
import { matchesGlob } from './match.ts'
import type { Grant, Instant, Key, KeyIdentity, Policy, Principal, Role } from './policy.ts'

/** A key of the trusted list and its principal. */
export interface KeyHolder {
  readonly principal: Principal
  readonly key: Key
}

/** What a key is used for: a claim in a role, about something of this name. */
export interface KeyUse {
  readonly role: Role
  readonly name: string
}

/** Whether a key's claims count at one instant. */
export type KeyStanding =
  | { readonly code: 'valid' }
  | { readonly code: 'revoked'; readonly since: Instant; readonly reason?: string }
  | { readonly code: 'expired'; readonly at: Instant }
  | { readonly code: 'not-yet-valid'; readonly at: Instant }

/** All keys of a policy, each once, the user's own first. */
export function listedKeys({ principals }: Pick<Policy, 'principals'>): readonly Key[] {
  return [...firstKeysIn(principals).values()]
}

/** The first key of each identity. */
export function firstKeysIn(principals: Policy['principals']): Map<KeyIdentity, Key> {
  const keys = new Map<KeyIdentity, Key>()
  for (const principal of principals.values()) {
    for (const key of principal.keys) if (!keys.has(key.identity)) keys.set(key.identity, key)
  }
  return keys
}

/** The first holder of a key; undefined if the key is not in the policy. */
export function holderOf(policy: Pick<Policy, 'principals'>, identity: KeyIdentity): KeyHolder | undefined {
  for (const principal of policy.principals.values()) {
    const key = principal.keys.find(candidate => candidate.identity === identity)
    if (key !== undefined) return { principal, key }
  }
  return undefined
}

/** All holders of a key: at most one of the user's own, and then those that lists have for it. */
export function holdersOf(policy: Pick<Policy, 'principals'>, identity: KeyIdentity): readonly KeyHolder[] {
  return [...policy.principals.values()].flatMap(principal => {
    const key = principal.keys.find(candidate => candidate.identity === identity)
    return key === undefined ? [] : [{ principal, key }]
  })
}

/** Whether a key's claims count now. A revocation takes precedence over an expiry: it says more. */
export function standingOf(
  policy: Pick<Policy, 'revocations'>,
  holder: KeyHolder,
  now: Instant,
): KeyStanding {
  const { validFrom, validUntil } = holder.key
  for (const { from, reason } of revocationsOf(policy, holder)) {
    if (from <= now) return { code: 'revoked', since: from, ...(reason === undefined ? {} : { reason }) }
  }
  if (validUntil !== undefined && validUntil <= now) return { code: 'expired', at: validUntil }
  if (validFrom !== undefined && now < validFrom) return { code: 'not-yet-valid', at: validFrom }
  return { code: 'valid' }
}

/**
 * The holder of a key with the dates that apply to one use of it: those of the best of its
 * certificates, if it is a certified key. Undefined if none of them covers this role and name.
 */
export function datedFor(
  policy: Pick<Policy, 'revocations'>,
  holder: KeyHolder,
  use: KeyUse,
  now: Instant,
): KeyHolder | undefined {
  if (holder.key.grants === undefined) return holder
  const { principal, key } = holder
  const fitting = holder.key.grants
    .filter(granted => covers(granted, use))
    .map(({ from, until, by }) => {
      const dated = { principal, key: { ...key, validFrom: from, validUntil: until, certifiedBy: by } }
      return { dated, code: standingOf(policy, dated, now).code, until }
    })
  const rank = ({ code }: { readonly code: KeyStanding['code'] }) => PREFERENCE.indexOf(code)
  return fitting.sort((one, other) => rank(one) - rank(other) || other.until - one.until)[0]?.dated
}

/** Whether what a certificate grants covers one use of its key. */
export function covers({ roles, names }: Pick<Grant, 'roles' | 'names'>, { role, name }: KeyUse): boolean {
  const isNamed = names.length === 0 || names.some(glob => matchesGlob(glob, name))
  return isNamed && (roles === undefined || roles.includes(role))
}

/** Which of several certificates of a key is used. */
const PREFERENCE: readonly KeyStanding['code'][] = ['valid', 'not-yet-valid', 'expired', 'revoked']

/** How the key of a builder stands, for each of its holders who may speak as one; S20. */
export function builderStandings(
  policy: Policy,
  identity: KeyIdentity,
  name: string,
  now: Instant,
): readonly KeyStanding['code'][] {
  return builderHolders(policy, identity, name, now).map(holder => standingOf(policy, holder, now).code)
}

/**
 * The holders of a key who may speak as a builder about something of this name, with the dates of
 * that.
 */
export function builderHolders(
  policy: Policy,
  identity: KeyIdentity,
  name: string,
  now: Instant,
): readonly KeyHolder[] {
  return holdersOf(policy, identity)
    .filter(({ principal }) => silenceOf(policy, principal.name, 'builder', now) === undefined)
    .flatMap(holder => datedFor(policy, holder, { role: 'builder', name }, now) ?? [])
}

/**
 * When the claims of a key that is valid now stop counting, as far as the policy says today; for a
 * key of a list, with the list at the latest.
 */
export function endOf(policy: Policy, holder: KeyHolder): Instant | undefined {
  const list = listOfName(policy, holder.principal.name)
  return earliest([
    holder.key.validUntil,
    ...revocationsOf(policy, holder).map(({ from }) => from),
    ...(list === undefined ? [] : [endOfList(list)]),
  ])
}

/** The earliest of some instants; undefined if there are none. */
export function earliest(instants: readonly (Instant | undefined)[]): Instant | undefined {
  const known = instants.filter(instant => instant !== undefined)
  return known.length === 0 ? undefined : known.reduce((a, b) => Math.min(a, b))
}

function revocationsOf(policy: Pick<Policy, 'revocations'>, { principal, key }: KeyHolder) {
  return policy.revocations.filter(({ target }) =>
    'key' in target
      ? (target.key === key.identity || key.certifiedBy?.includes(target.key)) &&
        (target.of ?? principal.name) === principal.name
      : target.principal === principal.name,
  )
}
