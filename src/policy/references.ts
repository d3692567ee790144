import { judge } from './judge.ts'
import { earliest, endOf } from './key-standing.ts'
import { policyFor } from './lists/policy-for.ts'
import { ruleFor } from './match.ts'
import type { Instant, Policy } from './policy.ts'
import type { Claim, Trust } from './verdict.ts'
import { type HeldClaim, weigh } from './weigh.ts'

/** What the claims that count say about the references that a binary cache states. */
export type WordOnReferences =
  /** Enough claims have exactly these references. `until`: when they stop counting. */
  | { readonly kind: 'vouched'; readonly until?: Instant }
  /** One claim has others. */
  | { readonly kind: 'contradicted'; readonly who: string; readonly claim: Claim }
  /** Too few claims have any. */
  | { readonly kind: 'silent' }

/**
 * What the claims that count say about a trusted path's references; docs/semantics.md, G13. The
 * claims with exactly these references must meet the requirement by themselves: if two people have
 * to agree on the contents, one alone does not decide what they refer to. If nothing is required,
 * one principal of the trusted list is enough. `references`: full store paths, sorted.
 */
export function wordOnReferences(
  given: Policy,
  { subject, basis }: Trust,
  claims: readonly Claim[],
  references: readonly string[],
  now: Instant,
): WordOnReferences {
  const policy = policyFor(given, subject)
  const { counting } = weigh(policy, subject, ruleFor(policy, subject), claims, now)
  const stating = counting.filter(({ claim }) => claim.references !== undefined)
  const other = stating.find(({ claim }) => !isSame(claim.references ?? [], references))
  if (other !== undefined) {
    return { kind: 'contradicted', who: other.holder.principal.name, claim: other.claim }
  }
  if (stating.length === 0) return { kind: 'silent' }
  const isEnough = basis.kind !== 'claims' || meetsRequirement(policy, subject, stating, now)
  if (!isEnough) return { kind: 'silent' }
  const until = earliest(stating.map(({ holder }) => endOf(policy, holder)))
  return until === undefined ? { kind: 'vouched' } : { kind: 'vouched', until }
}

/** That this machine built the contents proves nothing about the references that a cache states. */
function meetsRequirement(
  policy: Policy,
  subject: Trust['subject'],
  stating: readonly HeldClaim[],
  now: Instant,
): boolean {
  const alone = { ...subject, builtHere: false, derivationKnown: true }
  const evidence = { claims: stating.map(({ claim }) => claim), strays: [], troubles: [] }
  return judge(policy, alone, evidence, now).outcome === 'trusted'
}

function isSame(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((path, index) => path === others[index])
}
