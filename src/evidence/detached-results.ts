import { decisiveResults } from '../crypto/detached/severity.ts'
import type { DetachedResult } from '../crypto/detached/verify.ts'
import type { Claim, Evidence, Stray, Trouble } from '../policy/verdict.ts'

/** What a detached signature says, and where it was found. */
export type About = Pick<Claim, 'role' | 'path' | 'narHash' | 'origin'>

/**
 * The evidence in the results of one signature for all keys: each that made it becomes a claim, all
 * others become strays and troubles.
 */
export function evidenceOfResults(results: readonly DetachedResult[], about: About): Evidence {
  const decisive = decisiveResults(results)
  return {
    claims: decisive.flatMap(result => claimsOf(result, about)),
    strays: straysOf(decisive, about.origin),
    troubles: results.flatMap(result => troublesOf(result, about.origin)),
  }
}

function claimsOf(result: DetachedResult, about: About): readonly Claim[] {
  const { key, outcome, signedAt, keyExpired, keyEnds: until, trace } = result
  const claim = { key: key.identity, ...about }
  if (outcome === 'good') {
    const end = until === undefined ? {} : { until }
    return [{ ...claim, ...end, ...(trace === undefined ? {} : { trace }) }]
  }
  if (outcome !== 'expired-since' || signedAt === undefined || keyExpired === undefined) return []
  return [{ ...claim, expired: { signedAt, at: keyExpired } }]
}

/**
 * The problem that each outcome is reported as, where it is not a claim and concerns the key that
 * the signature names. severity.ts says which results count.
 */
export const PROBLEMS = {
  'bad-signature': 'bad-signature',
  unacceptable: 'bad-signature',
  'other-file': 'other-subject',
  'expired-signature': 'expired-signature',
  'expired-key': 'expired-signature',
  'revoked-key': 'revoked-key',
} as const satisfies Partial<Record<DetachedResult['outcome'], Stray['problem']>>

/** A signature that names none of the keys is one stray, not one for each key. */
function straysOf(results: readonly DetachedResult[], origin: string): readonly Stray[] {
  const strays = results.flatMap(({ outcome, key, detail }): readonly Stray[] =>
    outcome in PROBLEMS
      ? [{ problem: PROBLEMS[outcome as keyof typeof PROBLEMS], origin, detail: `${key.label}: ${detail}` }]
      : [],
  )
  if (!results.every(({ outcome }) => outcome === 'unknown-signer')) return strays
  const detail = results[0]?.detail ?? 'no key of this kind is listed'
  return [{ problem: 'unknown-signer', origin, detail }]
}

function troublesOf({ outcome, key, detail }: DetachedResult, origin: string): readonly Trouble[] {
  return outcome === 'unreadable' ? [{ origin, detail: `${key.label}: ${detail}` }] : []
}
