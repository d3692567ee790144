/** Why a path would pass, or not, as text. All names are escaped. */
import { findingWords } from './finding-words.ts'
import { requirementFor } from './match.ts'
import { ASPECT, type Demand, type Instant, type Policy, type Rule, type SubjectKind } from './policy.ts'
import type { Refusal, Verdict } from './verdict.ts'
import type { DemandWhy, Why } from './why.ts'
import { GROUNDS } from './wording.ts'
import {
  ASPECT_WORDS,
  KIND_WORDS,
  list,
  loggedWords,
  pathWord,
  roleWords,
  when,
  whoWord,
  word,
} from './words.ts'

const NAMES = 8

/** Lines: the rule, what it requires, whether that is met and by whom, and what follows. */
export function whyLines(policy: Policy, verdict: Verdict, why: Why, respite?: Instant): readonly string[] {
  const { path, kind } = verdict.outcome === 'trusted' ? verdict.subject : verdict
  return [
    `${pathWord(path)} (${KIND_WORDS[kind]})`,
    `the first rule that matches: ${ruleWords(why.rule)}${passedOver(why.passedOver)}`,
    ...requirementLines(policy, why, kind),
    ...exemptionLines(verdict, why),
    ...outcomeLines(verdict, why),
    ...modeLines(policy, verdict, respite),
  ]
}

/**
 * Of a path of which nothing is known but its name: the rule for each kind, and what it requires.
 */
export function ruleLinesFor(kinds: readonly (readonly [SubjectKind, Rule])[]): readonly string[] {
  return kinds.map(([kind, rule]) => {
    const requirement = requirementFor(rule, kind)
    const needs =
      requirement.kind === 'all'
        ? `needs ${requirement.demands.map(demandWords).join(' and ')}${loggedWords(requirement)}`
        : requirement.kind === 'nothing'
          ? 'needs nothing'
          : 'is always refused'
    return `as ${article(KIND_WORDS[kind])}: ${ruleWords(rule)}: ${needs}`
  })
}

function article(noun: string): string {
  return /^[aeiou]/.test(noun) ? `an ${noun}` : `a ${noun}`
}

function ruleWords({ title, line }: Rule): string {
  return `"${word(title)}" (line ${line})`
}

function passedOver(count: number): string {
  if (count === 0) return ''
  return count === 1
    ? '; the one before it is about other names or kinds'
    : `; the ${count} before it are about other names or kinds`
}

function requirementLines(
  policy: Policy,
  { rule, requires, demands }: Why,
  kind: SubjectKind,
): readonly string[] {
  const what = ASPECT_WORDS[ASPECT[kind]]
  if (requires === 'nothing') return [`for ${what} it requires nothing`]
  if (requires === 'refuse') return [`for ${what} it refuses whatever is not exempt, whoever signed`]
  const requirement = requirementFor(rule, kind)
  return [
    `for ${what} it requires${loggedWords(requirement)}:`,
    ...demands.map(demand => `  ${demandLine(policy, demand)}`),
  ]
}

function demandWords({ who, role }: Demand): string {
  return whoWord(who) + roleWords(role)
}

function demandLine({ groups }: Policy, { demand, state, by, finding }: DemandWhy): string {
  const group = groups.get(demand.who)
  const count = group === undefined ? '' : `${group.threshold} of ${group.members.length} `
  const head = `${count}${demandWords(demand)}`
  switch (state) {
    case 'met':
      return `${head}: met${by.length === 0 ? '' : `, by ${list(by.map(whoWord), NAMES)}`}`
    case 'unmet':
      return `${head}: not met${finding === undefined ? '' : `: ${findingWords(finding)}`}`
    case 'not-asked':
      return `${head}: not asked for, as something else decides`
  }
}

function exemptionLines(verdict: Verdict, { exemption }: Why): readonly string[] {
  if (exemption === undefined) return []
  const { line, until, reason } = exemption
  const decides = verdict.outcome === 'trusted' ? '' : ', which does not outweigh what was found'
  return [`exempt by line ${line} until ${when(until)} (${word(reason)})${decides}`]
}

function outcomeLines(verdict: Verdict, { demands }: Why): readonly string[] {
  if (verdict.outcome === 'trusted') {
    const end = verdict.until === undefined ? '' : `, until ${when(verdict.until)}`
    return [`so it passes${end}`]
  }
  const told = new Set(demands.map(({ finding }) => finding))
  const more = verdict.findings.filter(finding => !told.has(finding)).map(findingWords)
  return [`so it is refused${becauseOf(verdict)}`, ...[...new Set(more)].map(line => `  ${line}`)]
}

function becauseOf({ outcome, ground }: Refusal): string {
  const undecided = outcome === 'indeterminate' ? ', undecided' : ''
  return ground.kind === 'rule' ? undecided : `${undecided}, because of ${GROUNDS[ground.kind]}`
}

function modeLines({ mode }: Policy, verdict: Verdict, respite: Instant | undefined): readonly string[] {
  if (verdict.outcome === 'trusted') return []
  if (mode === 'warn') return ['and let pass all the same, with a warning: mode = "warn"']
  return respite === undefined ? [] : [`and let pass all the same until ${when(respite)}: there is a respite`]
}
