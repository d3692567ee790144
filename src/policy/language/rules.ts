import { printable } from '../../primitives/printable.ts'
import {
  ASPECT,
  type Aspect,
  type ExpiredKeyAcceptance,
  type Requirement,
  type Rule,
  type StorePathAspect,
  type SubjectKind,
} from '../policy.ts'
import {
  booleanOf,
  complain,
  fieldsOf,
  lineOf,
  listOf,
  type Node,
  plainStringOf,
  stringOf,
} from './fields.ts'
import { globOf, KINDS, kindsOf } from './match.ts'
import { type People, readRequirement } from './requirements.ts'
import { shadowOf } from './shadow.ts'

const RULE_LIMIT = 1000
const TITLE_LIMIT = 100
const ASPECTS: readonly StorePathAspect[] = ['source', 'derivation', 'output']
const ACCEPTANCE = ['accept-graph', 'accept-unknown-derivation', 'accept-expired-key'] as const
const EXPIRED_KEYS: readonly ExpiredKeyAcceptance[] = ['refuse', 'if-signed-before']

/** Reads `[[rules]]`, in order. Records a problem for a rule that can never decide. */
export function readRules(node: Node | undefined, people: People): readonly Rule[] {
  const rules: Rule[] = []
  for (const [index, item] of listOf(node, RULE_LIMIT).entries()) {
    const before = item.draft.problems.length
    const fields = fieldsOf(item, ['match', 'require'], ['name', ...ACCEPTANCE])
    if (fields?.match === undefined || fields.require === undefined) continue
    const require = readRequirements(fields.require, [], people)
    const match = fieldsOf(fields.match, [], ['name', 'kind'])
    if (match !== undefined && Object.keys(match).length === 0)
      complain(fields.match, 'must have a name or a kind')
    const stated = KINDS.filter(kind => require[ASPECT[kind]] !== undefined)
    const rule: Rule = {
      title: plainStringOf(fields.name, TITLE_LIMIT) ?? `rule ${index + 1}`,
      line: lineOf(item),
      name: globOf(match?.name) ?? '*',
      kinds: kindsOf(match?.kind) ?? stated,
      require,
      ...readAcceptance(fields, require),
    }
    checkKinds(fields.require, rule)
    if (item.draft.problems.length > before) continue
    const shadow = shadowOf(rule, rules)
    if (shadow !== undefined) complain(item, shadowed(shadow))
    rules.push(rule)
  }
  return rules
}

function shadowed({ title, line }: Rule): string {
  return `never decides: "${printable(title)}" in line ${line} matches all that it matches, and comes first`
}

/**
 * Reads `[default]`, which must state all three requirements. If it does not, records that and
 * returns undefined.
 */
export function readDefault(node: Node | undefined, people: People): Rule | undefined {
  if (node === undefined) return undefined
  const fields = fieldsOf(node, ['require'], ACCEPTANCE)
  if (fields?.require === undefined) return undefined
  const require = readRequirements(fields.require, ASPECTS, people)
  const acceptance = readAcceptance(fields, require)
  return { title: 'default', line: lineOf(node), name: '*', kinds: KINDS, require, ...acceptance }
}

function readRequirements(node: Node, required: readonly StorePathAspect[], people: People): Rule['require'] {
  const requirements: Partial<Record<Aspect, Requirement>> = {}
  const fields = fieldsOf<StorePathAspect, StorePathAspect>(node, required, ASPECTS) ?? {}
  for (const aspect of ASPECTS) {
    const field = fields[aspect]
    const requirement = field && readRequirement(field, aspect, people)
    if (requirement !== undefined) requirements[aspect] = requirement
  }
  if (Object.keys(fields).length === 0)
    complain(node, 'must state at least one of source, derivation, output')
  return requirements
}

function readAcceptance(
  fields: Partial<Record<(typeof ACCEPTANCE)[number], Node>>,
  require: Rule['require'],
): Pick<Rule, 'acceptGraph' | 'acceptUnknownDerivation' | 'acceptExpiredKey'> {
  const {
    'accept-graph': graph,
    'accept-unknown-derivation': unknown,
    'accept-expired-key': expired,
  } = fields
  if (graph !== undefined && require.source === undefined && require.derivation === undefined) {
    complain(graph, 'is about sources and derivations, and the rule states neither')
  }
  if (unknown !== undefined && require.output === undefined) {
    complain(unknown, 'is about outputs, and the rule does not state that')
  }
  if (expired !== undefined && require.source === undefined) {
    complain(expired, 'is about sources, and the rule does not state that')
  }
  return {
    acceptGraph: booleanOf(graph) ?? false,
    acceptUnknownDerivation: booleanOf(unknown) ?? false,
    acceptExpiredKey: expiredKeysOf(expired) ?? 'refuse',
  }
}

function expiredKeysOf(node: Node | undefined): ExpiredKeyAcceptance | undefined {
  const text = stringOf(node)
  if (node === undefined || text === undefined) return undefined
  const known = EXPIRED_KEYS.find(value => value === text)
  return known ?? complain(node, `must be ${EXPIRED_KEYS.map(value => `"${value}"`).join(' or ')}`)
}

/**
 * Records problems for requirements for which the rule has no kind, and for kinds without a
 * requirement.
 */
function checkKinds(
  node: Node,
  rule: { readonly kinds: readonly SubjectKind[]; readonly require: Rule['require'] },
): void {
  for (const aspect of ASPECTS) {
    if (rule.require[aspect] !== undefined && !rule.kinds.some(kind => ASPECT[kind] === aspect)) {
      complain(node, `states ${aspect}, and none of the kinds that the rule matches has one`)
    }
  }
  for (const kind of rule.kinds) {
    if (rule.require[ASPECT[kind]] === undefined) {
      complain(node, `does not state ${ASPECT[kind]}, and the rule matches the kind ${kind}`)
    }
  }
}
