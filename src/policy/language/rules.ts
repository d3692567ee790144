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
    const fields = fieldsOf(item, ['match', 'require'], ['name', ...ACCEPTANCE])
    if (fields === undefined) continue
    const { require, stated } = readRequirements(fields.require, [], people)
    const acceptance = readAcceptance(fields, stated)
    const title = plainStringOf(fields.name, TITLE_LIMIT) ?? `rule ${index + 1}`
    const match = readMatch(fields.match)
    if (match === undefined || fields.require === undefined || stated.size === 0) continue
    const kinds = match.kinds ?? KINDS.filter(kind => stated.has(ASPECT[kind]))
    const before = item.draft.problems.length
    checkKinds(fields.require, kinds, stated)
    if (item.draft.problems.length > before) continue
    // What the rule requires may be wrong; what it matches is known.
    const rule = { title, line: lineOf(item), name: match.name, kinds, require, ...acceptance }
    const shadow = shadowOf(rule, rules)
    if (shadow !== undefined) complain(item, shadowed(shadow))
    rules.push(rule)
  }
  return rules
}

/** Names and kinds that a rule matches; undefined if they are not said, or wrong. */
function readMatch(
  node: Node | undefined,
): { readonly name: string; readonly kinds: readonly SubjectKind[] | undefined } | undefined {
  const fields = node && fieldsOf(node, [], ['name', 'kind'])
  if (node === undefined || fields === undefined) return undefined
  if (Object.keys(fields).length === 0) return complain(node, 'must have a name or a kind')
  const before = node.draft.problems.length
  const match = { name: globOf(fields.name) ?? '*', kinds: kindsOf(fields.kind) }
  return node.draft.problems.length === before ? match : undefined
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
  if (fields === undefined) return undefined
  const { require, stated } = readRequirements(fields.require, ASPECTS, people)
  const acceptance = readAcceptance(fields, fields.require === undefined ? new Set(ASPECTS) : stated)
  if (fields.require === undefined) return undefined
  return { title: 'default', line: lineOf(node), name: '*', kinds: KINDS, require, ...acceptance }
}

/** Which aspects are stated, be it rightly or not, and what is required where it can be read. */
interface Stated {
  readonly require: Rule['require']
  readonly stated: ReadonlySet<Aspect>
}

function readRequirements(
  node: Node | undefined,
  required: readonly StorePathAspect[],
  people: People,
): Stated {
  const require: Partial<Record<Aspect, Requirement>> = {}
  if (node === undefined) return { require, stated: new Set() }
  const before = node.draft.problems.length
  const fields = fieldsOf<StorePathAspect, StorePathAspect>(node, required, ASPECTS) ?? {}
  const stated = ASPECTS.filter(aspect => fields[aspect] !== undefined)
  // An aspect that is misspelt is one error.
  if (stated.length === 0 && node.draft.problems.length === before)
    complain(node, 'must state at least one of source, derivation, output')
  for (const aspect of stated) {
    const field = fields[aspect]
    const requirement = field && readRequirement(field, aspect, people)
    if (requirement !== undefined) require[aspect] = requirement
  }
  return { require, stated: new Set(stated) }
}

function readAcceptance(
  fields: Partial<Record<(typeof ACCEPTANCE)[number], Node>>,
  stated: ReadonlySet<Aspect>,
): Pick<Rule, 'acceptGraph' | 'acceptUnknownDerivation' | 'acceptExpiredKey'> {
  const {
    'accept-graph': graph,
    'accept-unknown-derivation': unknown,
    'accept-expired-key': expired,
  } = fields
  if (graph !== undefined && !stated.has('source') && !stated.has('derivation')) {
    complain(graph, 'is about sources and derivations, and the rule states neither')
  }
  if (unknown !== undefined && !stated.has('output')) {
    complain(unknown, 'is about outputs, and the rule does not state that')
  }
  if (expired !== undefined && !stated.has('source')) {
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
function checkKinds(node: Node, kinds: readonly SubjectKind[], stated: ReadonlySet<Aspect>): void {
  for (const aspect of ASPECTS) {
    if (stated.has(aspect) && !kinds.some(kind => ASPECT[kind] === aspect)) {
      complain(node, `states ${aspect}, and none of the kinds that the rule matches has one`)
    }
  }
  for (const kind of kinds) {
    if (!stated.has(ASPECT[kind])) {
      complain(node, `does not state ${ASPECT[kind]}, and the rule matches the kind ${kind}`)
    }
  }
}
