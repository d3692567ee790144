/**
 * Why a path would pass under a policy, or not: the rule that decides, and each of its demands.
 * Pure.
 */
import { policyFor } from './lists/policy-for.ts'
import { exemptionFor, requirementFor, ruleFor } from './match.ts'
import type { Demand, Exemption, Instant, Policy, Rule } from './policy.ts'
import { peopleOf } from './seats.ts'
import type { Finding, Need, Verdict } from './verdict.ts'

/** What became of one demand. */
export interface DemandWhy {
  readonly demand: Demand
  /** `not-asked`: something else decided before. */
  readonly state: 'met' | 'unmet' | 'not-asked'
  /** Of one that is met: by whom, as far as the verdict tells. */
  readonly by: readonly string[]
  /** Of one that is not: what was found in its place. */
  readonly finding?: Finding
}

export interface Why {
  readonly rule: Rule
  /** How many rules stand before it, none of which matches. */
  readonly passedOver: number
  /** `nothing` and `refuse` have no demands. */
  readonly requires: 'demands' | 'nothing' | 'refuse'
  readonly demands: readonly DemandWhy[]
  /** An exemption in force that matches, whether it was needed or not. */
  readonly exemption: Exemption | undefined
}

/** What this verdict rests on. `name` is that of the store path, without `.drv`. */
export function whyOf(policy: Policy, verdict: Verdict, name: string, now: Instant): Why {
  const trusted = verdict.outcome === 'trusted'
  const { path, kind } = trusted ? verdict.subject : verdict
  const rule = ruleFor(policy, { name, kind })
  const about = policyFor(policy, trusted ? verdict.subject : { name, kind })
  const at = policy.rules.indexOf(rule)
  const requirement = requirementFor(rule, kind)
  const demands = requirement.kind === 'all' ? requirement.demands : []
  return {
    rule,
    passedOver: at < 0 ? policy.rules.length : at,
    requires: requirement.kind === 'all' ? 'demands' : requirement.kind,
    demands: demands.map(demand => demandWhy(about, verdict, demand)),
    exemption: exemptionFor(policy, { path, name, kind }, now),
  }
}

function demandWhy(policy: Policy, verdict: Verdict, demand: Demand): DemandWhy {
  if (verdict.outcome === 'trusted') {
    if (verdict.basis.kind !== 'claims') return { demand, state: 'not-asked', by: [] }
    const people = peopleOf(policy.groups, demand.who)
    return { demand, state: 'met', by: verdict.basis.principals.filter(one => people.has(one)) }
  }
  if (verdict.ground.kind !== 'rule' || !isAsked(verdict.findings))
    return { demand, state: 'not-asked', by: [] }
  const finding = verdict.findings.find(one => {
    const need = needOf(one)
    return need !== undefined && need.who === demand.who && need.role === demand.role
  })
  return finding === undefined
    ? { demand, state: 'met', by: [] }
    : { demand, state: 'unmet', by: [], finding }
}

/**
 * Whether evidence was held against the demands: a conflict, and what is unreadable, come first.
 */
function isAsked(findings: readonly Finding[]): boolean {
  return findings.some(finding => needOf(finding) !== undefined || finding.code === 'unknown-derivation')
}

function needOf(finding: Finding): Need | undefined {
  return 'need' in finding ? finding.need : undefined
}
