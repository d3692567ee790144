import { holderOf, standingOf } from '../policy/key-standing.ts'
import type { Instant, Policy } from '../policy/policy.ts'
import type { Claim } from '../policy/verdict.ts'
import { pathWord, when, whoWord, word } from '../policy/words.ts'

/** One claim in a line: who says what about which contents, by which key, and where that was read. */
export function claimWords(policy: Policy, claim: Claim, present: { narHash: string; now: Instant }): string {
  const holder = holderOf(policy, claim.key)
  const who =
    holder === undefined ? 'somebody who is not in the trusted list' : whoWord(holder.principal.name)
  const key = holder === undefined ? word(claim.key) : word(holder.key.label)
  const remarks = [
    claim.coversGraph === true ? 'with its whole build graph' : undefined,
    claim.graph === undefined ? undefined : `by signing the build graph of ${pathWord(claim.graph)}`,
    claim.narHash === present.narHash ? undefined : `about other contents (${word(claim.narHash)})`,
    claim.expired === undefined ? undefined : expiredRemark(claim.expired),
    holder === undefined ? undefined : standingRemark(standingOf(policy, holder, present.now)),
  ].filter(remark => remark !== undefined)
  return [`${who} as ${claim.role}, key ${key}`, ...remarks, `in ${word(claim.origin)}`].join(', ')
}

function expiredRemark({ signedAt, at }: NonNullable<Claim['expired']>): string {
  return `signed ${when(signedAt)} by its own word, before the key ended ${when(at)}`
}

function standingRemark(standing: ReturnType<typeof standingOf>): string | undefined {
  switch (standing.code) {
    case 'valid':
      return undefined
    case 'revoked':
      return `revoked ${when(standing.since)}`
    case 'expired':
      return `expired ${when(standing.at)}`
    case 'not-yet-valid':
      return `valid only from ${when(standing.at)}`
  }
}
