/** Claims that were verified under another policy, as the current policy sees them. */
import { recall, splitLogged } from '../crypto/trace.ts'
import { holderOf, type KeyHolder } from '../policy/key-standing.ts'
import type { Instant, KeyIdentity, Policy } from '../policy/policy.ts'
import type { Claim, Evidence, Stray } from '../policy/verdict.ts'
import { PROBLEMS } from './detached-results.ts'

/** A claim for which it was recorded when it was verified and how it was signed. */
export type RememberedClaim = Omit<Claim, 'expired' | 'until'> & Required<Pick<Claim, 'seen' | 'trace'>>

/**
 * Evaluates remembered claims under the current policy, as it would evaluate their signatures if
 * they were at hand. One thing differs: a key that ended after this machine saw its signature does
 * not count as ended (docs/semantics.md, E5). `own` is the identity of this machine's key, whose
 * attestations are not evidence here (E4).
 */
export async function recalledEvidence(
  policy: Pick<Policy, 'principals'> & Partial<Pick<Policy, 'quorums'>>,
  remembered: readonly RememberedClaim[],
  { now, own }: { readonly now: Instant; readonly own: KeyIdentity | undefined },
): Promise<Evidence> {
  const claims: Claim[] = []
  const strays: Stray[] = []
  for (const each of remembered) {
    const claim = { ...each, ...loggingOf(each, policy.quorums) }
    const holder = holderOf(policy, claim.key)
    const { origin } = claim
    if (holder === undefined) {
      strays.push({ problem: 'unknown-signer', origin, detail: claim.key })
    } else if (claim.key === own && splitLogged(claim.trace).trace.startsWith('envelope:')) {
      strays.push({ problem: 'unused', origin, detail: `${holder.key.label} is this machine's own` })
    } else {
      const found = await recallClaim(claim, holder, now)
      if ('problem' in found) strays.push(found)
      else claims.push(found)
    }
  }
  return { claims, strays, troubles: [] }
}

/** It counts as logged for the very quorums for which that was proven. */
function loggingOf(
  { trace }: RememberedClaim,
  quorums: Policy['quorums'] | undefined,
): Pick<Claim, 'logging'> {
  const { quorums: proven } = splitLogged(trace)
  const logging = [...(quorums?.values() ?? [])]
    .filter(({ policy }) => proven.includes(policy.digest))
    .map(({ name }) => ({ quorum: name, outcome: 'proven', found: [] }) as const)
  return logging.length === 0 ? {} : { logging }
}

async function recallClaim(claim: RememberedClaim, { key }: KeyHolder, now: Instant): Promise<Claim | Stray> {
  const { seen, trace, origin } = claim
  const { outcome, detail, keyEnds, signedAt, keyExpired } = await recall(trace, key, { seen, now })
  if (outcome === 'good') return keyEnds === undefined ? claim : { ...claim, until: keyEnds }
  if (outcome === 'expired-since' && signedAt !== undefined && keyExpired !== undefined) {
    return { ...claim, expired: { signedAt, at: keyExpired } }
  }
  const told = `${key.label}: ${detail}`
  if (outcome === 'unknown-signer') return { problem: outcome, origin, detail: told }
  const problem = outcome in PROBLEMS ? PROBLEMS[outcome as keyof typeof PROBLEMS] : 'unused'
  return { problem, origin, detail: told }
}
