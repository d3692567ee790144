import { printable } from '../../primitives/printable.ts'
import { listNameOf } from '../lists/names.ts'
import {
  type Aspect,
  type Demand,
  ITS_DEVELOPERS,
  type Policy,
  type Requirement,
  ROLES,
  type Role,
  SELF,
} from '../policy.ts'
import { fillSeats, isFilled, peopleOf } from '../seats.ts'
import { complain, fieldsOf, isTable, listOf, type Node, stringOf } from './fields.ts'
import { isListedName } from './listed-names.ts'
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
  readonly lists: Policy['lists']
  readonly quorums: Policy['quorums']
  /** Whether the policy has `[developers]`. */
  readonly hasDevelopers: boolean
  /**
   * What `[approvals]` says: who must approve where a rule says `"approved"`; `wrong` if it says
   * something that is recorded already.
   */
  readonly approvers?: readonly [Demand, ...Demand[]] | 'wrong'
  /** For an entry of `[developers]`, in which "its-developers" cannot stand. */
  readonly isByEntry?: true
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
  const logged = isTable(node.value) ? readLogged(node, aspect, people) : undefined
  return { kind: 'all', demands: [first, ...rest], ...(logged === undefined ? {} : { logged }) }
}

/** The quorum that a table of roles asks for beside them. */
function readLogged(node: Node, aspect: Aspect, { quorums }: People): string | undefined {
  const fields = fieldsOf<never, Role | 'logged'>(node, [], [...ROLES[aspect], 'logged'])
  const name = stringOf(fields?.logged)
  if (fields?.logged === undefined || name === undefined) return undefined
  if (aspect === 'expression')
    return complain(fields.logged, 'is about attestations, and expressions have signed commits')
  if (fields.approver !== undefined)
    return complain(fields.logged, 'cannot stand beside "approver": approvals have no proofs of a log')
  if (quorums.has(name)) return name
  const known = [...quorums.keys()].map(one => `"${printable(one)}"`)
  const hint = known.length === 0 ? 'the policy has no [quorums]' : `known are ${known.join(', ')}`
  return complain(fields.logged, `"${printable(name)}" is none of [quorums]: ${hint}`)
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
  const fields = fieldsOf<never, Role | 'logged'>(node, [], [...ROLES[aspect], 'logged']) ?? {}
  return ROLES[aspect].flatMap(role => {
    const names = fields[role]
    return names === undefined ? [] : readNames(names, aspect, people, role)
  })
}

/** Who signs some sources, as `[developers]` names them. What is wrong is recorded. */
export function readDeveloperNames(node: Node, people: People): readonly string[] | undefined {
  const before = node.draft.problems.length
  const names = readNames(node, 'source', { ...people, isByEntry: true }, 'developer').map(({ who }) => who)
  if (names.length > 0) return names
  if (node.draft.problems.length > before) return undefined
  return complain(node, 'must name who: a principal, a group or a list of them')
}

function readNames(node: Node, aspect: Aspect, people: People, role: Role | undefined): readonly Demand[] {
  const items = Array.isArray(node.value) ? listOf(node, DEMAND_LIMIT) : [node]
  const named = new Set<string>()
  for (const item of items) {
    const who = stringOf(item)
    if (who === undefined) continue
    if (named.has(who)) complain(item, `"${printable(who)}" is listed twice`)
    named.add(who)
    const problem = problemOf(who, { aspect, role }, people)
    if (problem !== undefined) complain(item, problem)
  }
  return [...named].map(who => (role === undefined ? { who } : { who, role }))
}

/** Whether this machine can vouch in a role: for what it builds, and for what it approves. */
function isVouchedHere(aspect: Aspect, role: Role | undefined): boolean {
  return aspect === 'output' || role === 'approver'
}

/** The place in which a name stands. */
interface Place {
  readonly aspect: Aspect
  readonly role: Role | undefined
}

function problemOf(who: string, place: Place, people: People): string | undefined {
  const { principals, groups, names, lists } = people
  const canBeSelf = isVouchedHere(place.aspect, place.role)
  if (RESERVED.includes(who)) return `"${who}" must stand alone`
  if (who === ITS_DEVELOPERS) return developersProblem(place, people)
  if (who === SELF) return canBeSelf ? undefined : SELF_PROBLEM
  if (isListedName(who, lists)) return canSpeak(who, place, lists) ? undefined : scopeProblem(who, place)
  if (!names.has(who)) return unknownName(who, names)
  if (principals.has(who) || !groups.has(who)) return undefined
  const members = peopleOf(groups, who)
  const able = new Set([...members].filter(member => canSpeak(member, place, lists)))
  const [silent] = [...members].filter(member => !able.has(member))
  if (silent !== undefined && !isFilled(fillSeats(groups, who, able)))
    return `"${printable(who)}" cannot be met: ${scopeProblem(silent, place)}`
  if (!canBeSelf) able.delete(SELF)
  if (isFilled(fillSeats(groups, who, able))) return undefined
  return `"${printable(who)}" cannot be met without "self", which vouches for outputs and as approver alone`
}

const SELF_PROBLEM =
  '"self" vouches for what it builds and, as approver, for what it evaluated, and for nothing else'

/** Whether somebody's list may speak in this place. The user's own people may. */
function canSpeak(who: string, { aspect, role }: Place, lists: Policy['lists']): boolean {
  const name = listNameOf(who, lists)
  const scope = name === undefined ? undefined : lists.get(name)
  if (scope === undefined) return true
  if (role !== undefined) return scope.roles.includes(role)
  return ROLES[aspect].some(one => one !== 'approver' && scope.roles.includes(one))
}

function scopeProblem(who: string, { aspect, role }: Place): string {
  const [list = ''] = who.split('/', 1)
  const what = role === undefined ? `a role that counts for the ${aspect}` : `the role "${role}"`
  return `"${printable(who)}" cannot speak here: the roles of [lists.${list}] lack ${what}`
}

function developersProblem({ aspect, role }: Place, people: People): string | undefined {
  if (aspect !== 'source' || role !== 'developer' || people.isByEntry)
    return `"${ITS_DEVELOPERS}" stands in require.source alone, as developer = "${ITS_DEVELOPERS}"`
  const isNamed = [...people.lists.values()].some(({ roles }) => roles.includes('developer'))
  if (isNamed || people.hasDevelopers) return undefined
  return `"${ITS_DEVELOPERS}" needs [developers], or one of [lists] with the role "developer"`
}
