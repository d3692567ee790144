/** Whose the keys are that count for something. */
import { endOf, holdersOf, standingOf } from '../policy/key-standing.ts'
import type { Instant, KeyIdentity, Policy } from '../policy/policy.ts'
import type { Claim } from '../policy/verdict.ts'

/** A key as it is told. */
export interface KnownKey {
  readonly label: string
  /** The first who has it; undefined: nobody of the policy. */
  readonly principal: string | undefined
  readonly until: Instant | undefined
  readonly isRevoked: boolean
}

/** What is told of a claim, and the names of all who have its key. */
export interface ToldClaim extends Pick<Claim, 'key' | 'role' | 'origin'> {
  readonly graph: string | undefined
  readonly holders: readonly string[]
}

/** All keys that were met. Lists have many more than ever sign something here. */
export interface KeyRegistry {
  readonly keys: Map<KeyIdentity, KnownKey>
  readonly policy: Policy
  readonly now: Instant
}

/** Begins with the keys of the user's own people. */
export function openKeyRegistry(policy: Policy, now: Instant): KeyRegistry {
  const registry = { keys: new Map<KeyIdentity, KnownKey>(), policy, now }
  for (const { keys } of policy.principals.values())
    for (const { identity } of keys) noteKey(registry, policy, identity)
  return registry
}

/** Notes a key as a policy about one path has it. */
export function noteKey({ keys, now }: KeyRegistry, about: Policy, identity: KeyIdentity): void {
  if (keys.get(identity)?.principal !== undefined) return
  const [holder] = holdersOf(about, identity)
  if (holder === undefined)
    keys.set(identity, { label: identity, principal: undefined, until: undefined, isRevoked: false })
  else
    keys.set(identity, {
      label: holder.key.label,
      principal: holder.principal.name,
      until: endOf(about, holder),
      isRevoked: standingOf(about, holder, now).code === 'revoked',
    })
}

/** Claims as they are told, their keys noted. */
export function noteClaims(
  registry: KeyRegistry,
  about: Policy,
  claims: readonly Claim[],
): readonly ToldClaim[] {
  return claims.map(({ key, role, graph, origin }) => {
    noteKey(registry, about, key)
    const holders = holdersOf(about, key).map(({ principal }) => principal.name)
    return { key, role, graph, origin, holders }
  })
}
