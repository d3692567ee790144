import { printable } from '../../primitives/printable.ts'
import { type Aspect, type Demand, type Policy, type Requirement, ROLES, type Role, SELF } from '../policy.ts'
import { fillSeats, isFilled, peopleOf } from '../seats.ts'
import { complain, fieldsOf, isTable, listOf, type Node, stringOf } from './fields.ts'

/** How many demands one requirement may have. */
const DEMAND_LIMIT = 32

/** The principals and groups that a requirement can name. */
export interface People {
  readonly principals: Policy['principals']
  /**
   * Undefined if `[groups]` has a problem: then names are not checked, because one error is enough.
   */
  readonly groups: Policy['groups'] | undefined
}

/**
 * Reads the requirement for one aspect: a name, a list of names (all of them), a table of roles,
 * `nothing` or `refuse`. Anything else, and a requirement that nobody can meet, is recorded and
 * undefined.
 */
export function readRequirement(node: Node, aspect: Aspect, people: People): Requirement | undefined {
  if (node.value === 'nothing' || node.value === 'refuse') return { kind: node.value }
  const before = node.draft.problems.length
  const demands = isTable(node.value)
    ? readRoles(node, aspect, people)
    : readNames(node, aspect, people, undefined)
  const [first, ...rest] = demands
  if (first === undefined) {
    if (node.draft.problems.length > before) return undefined
    return complain(
      node,
      'must name who: a principal, a group, a list of them, a table of roles, "nothing" or "refuse"',
    )
  }
  return { kind: 'all', demands: [first, ...rest] }
}

function readRoles(node: Node, aspect: Aspect, people: People): readonly Demand[] {
  const fields = fieldsOf<never, Role>(node, [], ROLES[aspect]) ?? {}
  return ROLES[aspect].flatMap(role => {
    const names = fields[role]
    return names === undefined ? [] : readNames(names, aspect, people, role)
  })
}

function readNames(node: Node, aspect: Aspect, people: People, role: Role | undefined): readonly Demand[] {
  const items = Array.isArray(node.value) ? listOf(node, DEMAND_LIMIT) : [node]
  const named = new Set<string>()
  for (const item of items) {
    const who = stringOf(item)
    if (who === undefined) continue
    if (named.has(who)) complain(item, `"${printable(who)}" is listed twice`)
    named.add(who)
    const problem = problemOf(who, aspect, people)
    if (problem !== undefined) complain(item, problem)
  }
  return [...named].map(who => (role === undefined ? { who } : { who, role }))
}

function problemOf(who: string, aspect: Aspect, { principals, groups }: People): string | undefined {
  if (who === 'nothing' || who === 'refuse') return `"${who}" must stand alone`
  if (who === SELF) return aspect === 'output' ? undefined : SELF_PROBLEM
  if (groups === undefined || principals.has(who)) return undefined
  if (!groups.has(who)) return `"${printable(who)}" is neither a principal nor a group`
  const able = new Set(peopleOf(groups, who))
  if (aspect !== 'output') able.delete(SELF)
  if (isFilled(fillSeats(groups, who, able))) return undefined
  return `"${printable(who)}" cannot be met without "self", which vouches for outputs alone`
}

const SELF_PROBLEM = '"self" vouches for what it builds, so for outputs alone'
