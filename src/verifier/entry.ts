/** The ledger's entry for a verdict, and which claims it keeps. Pure. */
import type { StorePath } from '../formats/nix/store-path.ts'
import type { Admission, AdmittedClaim } from '../ledger/admissions.ts'
import type { Instant } from '../policy/policy.ts'
import type { Claim, Trust } from '../policy/verdict.ts'

/** What an entry contains besides its verdict. */
export interface Recorded {
  readonly path: StorePath
  readonly derivation: string | undefined
  readonly stamp: string | undefined
  readonly closure?: string | undefined
  readonly from?: string | undefined
}

/** Returns the entry that keeps a verdict made now under the policy with this digest. */
export function entryFor(
  trust: Trust,
  at: Recorded,
  { policy, now }: { readonly policy: string; readonly now: Instant },
): Admission {
  const { subject, basis } = trust
  const claims = basis.kind === 'claims' ? basis.claims : []
  return {
    path: at.path.path,
    narHash: subject.narHash,
    policy,
    until: trust.until,
    stamp: at.stamp,
    kind: subject.kind,
    builtHere: subject.builtHere,
    derivation: at.derivation,
    time: now,
    rule: trust.rule,
    claims: claimsToKeep(claims, now),
    build: undefined,
    ...(at.closure === undefined ? {} : { closure: at.closure }),
    ...(at.from === undefined ? {} : { from: at.from }),
  }
}

/**
 * Selects what is remembered of the claims that counted. The first claim of each signer comes
 * before further claims by the same signer, because there may not be room for all. An entry does
 * not record that a key had expired, so it must not keep claims that only a rule of this policy
 * accepted.
 */
export function claimsToKeep(claims: readonly Claim[], now: Instant): readonly AdmittedClaim[] {
  const kept = claims.flatMap(({ role, key, graph, origin, trace, seen = now, expired }) =>
    expired !== undefined || trace === undefined ? [] : { role, key, graph, seen, trace, origin },
  )
  return firstOfEachFirst(kept)
}

/** The first claim of each signer, then further claims by the same signers. */
export function firstOfEachFirst(claims: readonly AdmittedClaim[]): readonly AdmittedClaim[] {
  const firsts = new Map<string, AdmittedClaim>()
  const others: AdmittedClaim[] = []
  for (const claim of claims) {
    const signer = `${claim.role} ${claim.key}`
    if (firsts.has(signer)) others.push(claim)
    else firsts.set(signer, claim)
  }
  return [...firsts.values(), ...others]
}
