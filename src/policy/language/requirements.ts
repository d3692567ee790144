import { printable } from '../../primitives/printable.ts'
import { type Aspect, type Demand, type Policy, type Requirement, ROLES, type Role, SELF } from '../policy.ts'
import { fillSeats, isFilled, peopleOf } from '../seats.ts'
import { complain, fieldsOf, isTable, listOf, type Node, stringOf } from './fields.ts'
import { unknownName } from './names.ts'

/** How many demands one requirement may have. */
const DEMAND_LIMIT = 32

/** Stands for what `[approvals]` says. */
const APPROVED = 'approved'

const RESERVED: readonly string[] = ['nothing', 'refuse', APPROVED]

/** The principals and groups that a requirement can name. */
export interface People {
  readonly principals: Policy['principals']
  /**
   * The sound ones: of the others it is not known who can fill them, which is one error already.
   */
  readonly groups: Policy['groups']
  /** Every name that a requirement may have. */
  readonly names: ReadonlySet<string>
  /**
   * What `[approvals]` says: who must approve where a rule says `"approved"`; `wrong` if it says
   * something that is recorded already.
   */
  readonly approvers?: readonly [Demand, ...Demand[]] | 'wrong'
}

/**
 * Reads the requirement for one aspect: a name, a list of names (all of them), a table of roles,
 * `nothing`, `refuse` or, for sources and derivations, `approved`. Anything else, and a requirement
 * that nobody can meet, is recorded and undefined.
 */
export function readRequirement(node: Node, aspect: Aspect, people: People): Requirement | undefined {
  if (node.value === 'nothing' || node.value === 'refuse') return { kind: node.value }
  if (node.value === APPROVED && ROLES[aspect].includes('approver')) return approved(node, people)
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

/** Who must approve, as `[approvals]` names them. What is wrong is recorded. */
export function readApprovers(node: Node, people: People): readonly [Demand, ...Demand[]] | undefined {
  const before = node.draft.problems.length
  const [first, ...rest] = readNames(node, 'derivation', people, 'approver')
  if (first !== undefined) return [first, ...rest]
  if (node.draft.problems.length > before) return undefined
  return complain(node, 'must name who: a principal, a group, "self" or a list of them')
}

function approved(node: Node, { approvers }: People): Requirement | undefined {
  if (approvers === 'wrong') return undefined
  if (approvers !== undefined) return { kind: 'all', demands: approvers }
  return complain(node, '"approved" needs [approvals] with by = …, which says who approves')
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
    const problem = problemOf(who, isVouchedHere(aspect, role), people)
    if (problem !== undefined) complain(item, problem)
  }
  return [...named].map(who => (role === undefined ? { who } : { who, role }))
}

/** Whether this machine can vouch in a role: for what it builds, and for what it approves. */
function isVouchedHere(aspect: Aspect, role: Role | undefined): boolean {
  return aspect === 'output' || role === 'approver'
}

function problemOf(
  who: string,
  canBeSelf: boolean,
  { principals, groups, names }: People,
): string | undefined {
  if (RESERVED.includes(who)) return `"${who}" must stand alone`
  if (who === SELF) return canBeSelf ? undefined : SELF_PROBLEM
  if (!names.has(who)) return unknownName(who, names)
  if (principals.has(who) || !groups.has(who)) return undefined
  const able = new Set(peopleOf(groups, who))
  if (!canBeSelf) able.delete(SELF)
  if (isFilled(fillSeats(groups, who, able))) return undefined
  return `"${printable(who)}" cannot be met without "self", which vouches for outputs and as approver alone`
}

const SELF_PROBLEM =
  '"self" vouches for what it builds and, as approver, for what it evaluated, and for nothing else'
