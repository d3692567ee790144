import type { Instant, Key, KeyIdentity, Policy, Principal } from './policy.ts'

/** A key of the trusted list and its principal. */
export interface KeyHolder {
  readonly principal: Principal
  readonly key: Key
}

/** Whether a key's claims count at one instant. */
export type KeyStanding =
  | { readonly code: 'valid' }
  | { readonly code: 'revoked'; readonly since: Instant; readonly reason?: string }
  | { readonly code: 'expired'; readonly at: Instant }
  | { readonly code: 'not-yet-valid'; readonly at: Instant }

/** All keys of the trusted list. */
export function listedKeys({ principals }: Pick<Policy, 'principals'>): readonly Key[] {
  return [...principals.values()].flatMap(principal => principal.keys)
}

/** The holder of a key; undefined if the key is not in the trusted list. */
export function holderOf(policy: Pick<Policy, 'principals'>, identity: KeyIdentity): KeyHolder | undefined {
  for (const principal of policy.principals.values()) {
    const key = principal.keys.find(candidate => candidate.identity === identity)
    if (key !== undefined) return { principal, key }
  }
  return undefined
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

/** When the claims of a key that is valid now stop counting, as far as the policy says today. */
export function endOf(policy: Policy, holder: KeyHolder): Instant | undefined {
  return earliest([holder.key.validUntil, ...revocationsOf(policy, holder).map(({ from }) => from)])
}

/** The earliest of some instants; undefined if there are none. */
export function earliest(instants: readonly (Instant | undefined)[]): Instant | undefined {
  const known = instants.filter(instant => instant !== undefined)
  return known.length === 0 ? undefined : known.reduce((a, b) => Math.min(a, b))
}

function revocationsOf(policy: Pick<Policy, 'revocations'>, { principal, key }: KeyHolder) {
  return policy.revocations.filter(({ target }) =>
    'key' in target ? target.key === key.identity : target.principal === principal.name,
  )
}
