/**
 * The decision. It is a pure function of policy, facts, evidence and time; docs/semantics.md
 * numbers its rules.
 */
import { answerDemand, type DemandResult, explainUnmet, withAbsent } from './demands.ts'
import { earliest, endOf } from './key-standing.ts'
import { policyFor } from './lists/policy-for.ts'
import { exemptionFor, inputRuleFor, requirementFor, ruleFor } from './match.ts'
import { ASPECT, type Instant, type Policy } from './policy.ts'
import type { Basis, Evidence, Refusal, Stray, Subject, Trust, Verdict } from './verdict.ts'
import { weigh } from './weigh.ts'

/**
 * Judges one store path at one instant. Never throws. The mode of the policy does not matter here;
 * callers apply it. People of lists count as far as the subject is theirs to speak of. Neither the
 * order of the evidence nor duplicates in it matter.
 */
export function judge(given: Policy, subject: Subject, evidence: Evidence, now: Instant): Verdict {
  return judgeUnder(policyFor(given, subject), subject, evidence, now)
}

/** The same under a policy that is about this subject already. */
export function judgeUnder(policy: Policy, subject: Subject, evidence: Evidence, now: Instant): Verdict {
  const rule = ruleFor(policy, subject)
  const aspect = ASPECT[subject.kind]
  const weighing = weigh(policy, subject, rule, evidence.claims, now)
  const strays = [...evidence.strays, ...weighing.strays, ...certificateStrays(policy)]
  const refuse = (outcome: Refusal['outcome'], findings: Refusal['findings']): Refusal => {
    return {
      outcome,
      path: subject.path,
      kind: subject.kind,
      ground: { kind: 'rule', title: rule.title },
      findings,
      strays,
    }
  }
  const trust = (basis: Basis, ends: readonly (Instant | undefined)[]): Trust => {
    const until = earliest([...ends, weighing.conflictFrom])
    const trusted = { outcome: 'trusted', subject, rule: rule.title, basis, strays } as const
    return until === undefined ? trusted : { ...trusted, until }
  }

  const unreadable = evidence.troubles.map(trouble => ({ code: 'unreadable', trouble }) as const)
  if (isNotEmpty(unreadable)) return refuse('indeterminate', unreadable)
  if (isNotEmpty(weighing.conflicts)) return refuse('untrusted', weighing.conflicts)

  const exemption = exemptionFor(policy, subject, now)
  if (exemption !== undefined) {
    const { reason, line, until } = exemption
    return trust({ kind: 'exemption', reason, line }, [until])
  }

  const requirement = requirementFor(rule, subject.kind)
  if (subject.kind === 'expression' && inputRuleFor(policy, subject.name) === undefined) {
    return refuse('untrusted', [{ code: 'no-input-rule', url: subject.name }])
  }
  if (requirement.kind === 'refuse') return refuse('untrusted', [{ code: 'refused-by-rule' }])
  const demands = requirement.kind === 'all' ? requirement.demands : []
  const answers = demands.map(demand => answerDemand(policy, subject, aspect, demand, weighing))
  const unmet = withAbsent(
    policy,
    subject,
    answers.filter(({ met }) => !met),
    now,
  )
  const shortfall = explainUnmet(policy, subject, unmet, { ...weighing, strays })
  // What lists that are missing might say decides only if everything else is met.
  const isOpen = unmet.every(({ absent }) => absent.length > 0)
  if (isNotEmpty(shortfall)) return refuse(isOpen ? 'indeterminate' : 'untrusted', shortfall)
  if (isOfUnknownMaking(subject) && !rule.acceptUnknownDerivation) {
    return refuse('indeterminate', [{ code: 'unknown-derivation', unvouched: [] }])
  }
  if (requirement.kind === 'nothing') return trust({ kind: 'no-requirement' }, [])
  const counted = [...new Set(answers.flatMap(answer => answer.counted))]
  return trust(
    { kind: 'claims', claims: counted.map(({ claim }) => claim), principals: principalsOf(answers) },
    counted.flatMap(({ holder, claim }) => [endOf(policy, holder), claim.until]),
  )
}

/** Certificates of keys that do not count may be why nothing is found. */
function certificateStrays({ refusedCertificates = [] }: Policy): readonly Stray[] {
  return refusedCertificates.map(refused => ({ problem: 'unused', ...refused }))
}

function principalsOf(answers: readonly DemandResult[]): readonly string[] {
  return [...new Set(answers.flatMap(answer => answer.principals))]
}

/**
 * Whether it is an output from elsewhere for which no derivation is known here that could be
 * judged.
 */
function isOfUnknownMaking(subject: Subject): boolean {
  return subject.kind === 'output' && !subject.builtHere && subject.derivation === undefined
}

function isNotEmpty<T>(list: readonly T[]): list is readonly [T, ...T[]] {
  return list.length > 0
}
