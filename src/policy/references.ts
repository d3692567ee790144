import { judge } from './judge.ts'
import { earliest, endOf } from './key-standing.ts'
import { ruleFor } from './match.ts'
import type { Instant, Policy } from './policy.ts'
import type { Claim, Trust } from './verdict.ts'
import { type HeldClaim, weigh } from './weigh.ts'

/** What those who count say of the references that a binary cache states. */
export type WordOnReferences =
  /** Enough of them signed just these; until when their word counts. */
  | { readonly kind: 'vouched'; readonly until?: Instant }
  /** One of them signed others. */
  | { readonly kind: 'contradicted'; readonly who: string; readonly claim: Claim }
  /** Too few signed any. */
  | { readonly kind: 'silent' }

/**
 * What the claims that count say of a trusted path's references; docs/semantics.md, G13. Those who signed just these
 * must meet the requirement by themselves: where two have to agree on the contents, one alone does not decide what is
 * with them. Where nothing is required, one of the trusted list suffices. `references`: full store paths, sorted.
 */
export function wordOnReferences(
  policy: Policy,
  { subject, basis }: Trust,
  claims: readonly Claim[],
  references: readonly string[],
  now: Instant,
): WordOnReferences {
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

/** That this machine made the contents says nothing about what a cache says that they refer to. */
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
