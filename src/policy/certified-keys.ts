/** What certificates that count make of a policy. Pure. */
import { earliest } from './key-standing.ts'
import type { Ed25519Key, Grant, Instant, Key, KeyIdentity, Policy, Principal } from './policy.ts'

/** How many certificates of one key count. */
const GRANT_LIMIT = 64
/** How many refused certificates are told. */
const TOLD = 16

/** What certificates grant to one key. */
export interface Found {
  readonly key: Ed25519Key
  /** Those who certify it and may: neither revoked, nor past its end. */
  readonly standing: Set<string>
  readonly grants: { readonly principal: string; readonly stands: boolean; readonly grant: Grant }[]
}

/** What was found in certificates. */
export interface Findings {
  readonly found: Map<KeyIdentity, Found>
  /** When keys end, as they say themselves. */
  readonly ends: Map<KeyIdentity, Instant>
  readonly accepted: readonly { readonly key: Ed25519Key; readonly origin: string }[]
  readonly refused: { origin: string; detail: string }[]
}

/**
 * A policy in which what was found is in force: certified keys are among those of whoever certified
 * them, and keys that end have their end. A key that two principals certify is nobody's. Adds to
 * `state.refused`.
 */
export function withCertifiedKeys(policy: Policy, state: Findings): Policy {
  const added = new Map<string, Key[]>()
  const shared = new Set([...state.found].flatMap(([id, found]) => (ownersOf(found).size > 1 ? [id] : [])))
  for (const found of state.found.values()) {
    const { key } = found
    const owners = ownersOf(found)
    const [owner, another] = owners
    const grants = found.grants
      .filter(({ principal, grant: { by } }) => principal === owner && !by.some(id => shared.has(id)))
      // Beyond the limit those are left out that count no more.
      .sort((one, other) => Number(other.stands) - Number(one.stands) || other.grant.until - one.grant.until)
      .map(({ grant: granted }) => granted)
    if (owner === undefined || grants.length === 0) continue
    if (another !== undefined) {
      const detail = `two principals certify the key ${key.label} (${[...owners].sort().join(', ')}): it counts for neither`
      state.refused.push({ origin: originsOf(state, key.identity), detail })
      continue
    }
    added.set(owner, [...(added.get(owner) ?? []), certifiedKey(policy, state, key, grants)])
  }
  const principals = new Map<string, Principal>()
  for (const [name, principal] of policy.principals) {
    const keys = principal.keys.map(key => endedBy(key, state.ends.get(key.identity)))
    principals.set(name, { ...principal, keys: [...keys, ...(added.get(name) ?? [])] })
  }
  const refused = [...new Map(state.refused.map(one => [`${one.origin}\n${one.detail}`, one])).values()]
  return { ...policy, principals, ...(refused.length > 0 && { refusedCertificates: refused.slice(0, TOLD) }) }
}

/** Whose a key is: of those who stand or, if none does, of whoever certified it. */
function ownersOf({ standing, grants }: Found): ReadonlySet<string> {
  return standing.size > 0 ? standing : new Set(grants.map(({ principal }) => principal))
}

function certifiedKey(policy: Policy, state: Findings, key: Ed25519Key, all: readonly Grant[]): Key {
  const ends = state.ends.get(key.identity) ?? Number.MAX_SAFE_INTEGER
  const distinct = new Map(
    all.map(one => [JSON.stringify(one), { ...one, until: Math.min(one.until, ends) }]),
  )
  const grants = [...distinct.values()].slice(0, GRANT_LIMIT)
  const root = [...policy.principals.values()]
    .flatMap(({ keys }) => keys)
    .find(({ identity }) => identity === grants[0]?.by[0])
  const namespaces = root?.kind === 'ed25519' ? root.namespaces : undefined
  const [first = [], ...others] = grants.map(({ by }) => by)
  return {
    ...key,
    ...(namespaces && { namespaces }),
    grants,
    certifiedBy: first.filter(identity => others.every(by => by.includes(identity))),
    validFrom: Math.min(...grants.map(({ from }) => from)),
    validUntil: Math.max(...grants.map(({ until }) => until)),
  }
}

function endedBy(key: Key, ends: Instant | undefined): Key {
  const validUntil = earliest([key.validUntil, ends])
  return ends === undefined || validUntil === undefined ? key : { ...key, validUntil }
}

function originsOf({ accepted }: Findings, identity: KeyIdentity): string {
  const origins = accepted.filter(({ key }) => key.identity === identity).map(({ origin }) => origin)
  return [...new Set(origins)].sort().join(', ')
}
