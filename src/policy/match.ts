import { ignoresCase } from '../formats/locks/input-url.ts'
import { findPattern, isAt } from './pattern-search.ts'
import {
  ASPECT,
  type Exemption,
  type InputRule,
  type Instant,
  type Policy,
  type Requirement,
  type Role,
  type Rule,
  type SubjectKind,
} from './policy.ts'

/** The part of a subject that rules and exemptions are matched against. */
export interface Matched {
  readonly path: string
  readonly name: string
  readonly kind: SubjectKind
}

/**
 * The rule that decides: the first whose glob and kinds match and that states the subject's aspect,
 * or else the default.
 */
export function ruleFor(policy: Policy, subject: Pick<Matched, 'name' | 'kind'>): Rule {
  if (subject.kind === 'expression') return ruleForExpression(policy, subject.name)
  const states = (rule: Rule) => rule.require[ASPECT[subject.kind]] !== undefined
  const matches = (rule: Rule) => rule.kinds.includes(subject.kind) && matchesGlob(rule.name, subject.name)
  return policy.rules.find(rule => states(rule) && matches(rule)) ?? policy.fallback
}

/** What a rule requires of a kind; it refuses what it does not state. */
export function requirementFor(rule: Rule, kind: SubjectKind): Requirement {
  return rule.require[ASPECT[kind]] ?? { kind: 'refuse' }
}

/** Whether the deciding rule has a demand for a role by its name. */
export function asksFor(policy: Policy, subject: Pick<Matched, 'name' | 'kind'>, role: Role): boolean {
  const requirement = requirementFor(ruleFor(policy, subject), subject.kind)
  return requirement.kind === 'all' && requirement.demands.some(demand => demand.role === role)
}

/**
 * The first of `[[inputs]]` whose glob matches this canonical URL. Upper and lower case are the
 * same where the forge does not tell them apart.
 */
export function inputRuleFor(policy: Policy, url: string): InputRule | undefined {
  const form = ignoresCase(url) ? (text: string) => text.toLowerCase() : (text: string) => text
  return policy.inputs.find(input => matchesGlob(form(input.url), form(url)))
}

/**
 * The rule for the commits of the repository with this canonical URL. Refuses if no `[[inputs]]`
 * matches.
 */
function ruleForExpression(policy: Policy, url: string): Rule {
  const found = inputRuleFor(policy, url)
  return {
    title: found?.title ?? 'none of [[inputs]]',
    line: found?.line ?? policy.fallback.line,
    name: found?.url ?? '*',
    kinds: ['expression'],
    require: { expression: found?.require ?? { kind: 'refuse' } },
    acceptGraph: false,
    acceptUnknownDerivation: false,
    acceptExpiredKey: 'refuse',
  }
}

/** The first exemption that matches and has not ended. */
export function exemptionFor(policy: Policy, subject: Matched, now: Instant): Exemption | undefined {
  return policy.exemptions.find(({ match, until }) => {
    if (now >= until) return false
    if ('path' in match) return match.path === subject.path
    return match.kinds.includes(subject.kind) && matchesGlob(match.name, subject.name)
  })
}

/**
 * Whether a glob matches a whole name: `*` is any run of characters, possibly empty; `?` is one
 * character; all others stand for themselves. Never goes back in the name, so no glob is slow
 * because of what stands in it: see findPattern.
 */
export function matchesGlob(glob: string, name: string): boolean {
  const first = glob.indexOf('*')
  if (first === -1) return glob.length === name.length && isAt(glob, name, 0)
  const last = glob.lastIndexOf('*')
  const end = name.length - (glob.length - 1 - last)
  if (end < first || !isAt(glob.slice(0, first), name, 0) || !isAt(glob.slice(last + 1), name, end))
    return false
  // What stands between two stars is where it comes first: what comes after has the most room then.
  let at = first
  for (const part of glob.slice(first + 1, last).split('*')) {
    const found = findPattern(part, name, at)
    if (found === -1 || found + part.length > end) return false
    at = found + part.length
  }
  return true
}
