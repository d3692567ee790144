/** The policies of small worlds. */
import type { Decisions } from './decisions.ts'
import { keysOf } from './people.ts'

export interface RulePlan {
  readonly source: string
  readonly derivation: string
  readonly output: string
  readonly acceptsGraph: boolean
  readonly acceptsUnknown: boolean
}

export interface PolicyPlan {
  readonly default: RulePlan
  /** A rule for paths with this name. */
  readonly rule?: RulePlan & { readonly name: string }
  /** How the store plugin treats sources. */
  readonly sources: 'data' | 'attested'
  /** Names of exempt sources. */
  readonly exempt: readonly string[]
}

/** TOML values: the requirement for each aspect. */
const SOURCE = [
  '"dev"',
  '"packager"',
  '"pair"',
  '"nothing"',
  '{ developer = "dev" }',
  '{ developer = "dev" }',
  '"refuse"',
] as const
const DERIVATION = ['"nothing"', '"packager"', '"packager"', '"pair"'] as const
const OUTPUT = ['"builder"', '"builder"', '"nothing"', '"self"'] as const

export function somePolicy(decisions: Decisions): PolicyPlan {
  const fallback = someRule(decisions)
  const rule = decisions.oneIn(3)
    ? { rule: { ...someRule(decisions), name: decisions.pick(['n0*', 'n1*', 'n2*', 'n?', '*-dev']) } }
    : {}
  return { default: fallback, ...rule, sources: decisions.pick(['attested', 'data']), exempt: [] }
}

function someRule(decisions: Decisions): RulePlan {
  return {
    source: decisions.pick(SOURCE),
    derivation: decisions.pick(DERIVATION),
    output: decisions.pick(OUTPUT),
    acceptsGraph: decisions.oneIn(2),
    acceptsUnknown: decisions.oneIn(3),
  }
}

/** The policy's text. `directory`: the directory of attestations. */
export function policyText(plan: PolicyPlan, directory: string): string {
  const people = ['dev', 'packager', 'builder'] as const
  const principals = people.map(name => `[principals.${name}]\nkeys = ${JSON.stringify(keysOf(name))}\n`)
  const rule =
    plan.rule === undefined
      ? ''
      : `[[rules]]\nname = "one"\nmatch.name = "${plan.rule.name}"\n${ruleText(plan.rule)}`
  const exemptions = plan.exempt.map(
    name =>
      `[[exemptions]]\nname = "${name}"\nkind = ["fetched-source", "local-source"]\nreason = "x"\nuntil = 2099-01-01\n`,
  )
  return `version = 1
mode = "enforce"
[attestations]
directories = [${JSON.stringify(directory)}]
[store]
sources = "${plan.sources}"
${principals.join('')}[groups.pair]
members = ["dev", "packager"]
threshold = 2
${rule}${exemptions.join('')}[default]
${ruleText(plan.default)}`
}

function ruleText({ source, derivation, output, acceptsGraph, acceptsUnknown }: RulePlan): string {
  return `require.source = ${source}
require.derivation = ${derivation}
require.output = ${output}
accept-graph = ${acceptsGraph}
accept-unknown-derivation = ${acceptsUnknown}
`
}
