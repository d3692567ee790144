import { printable } from '../../primitives/printable.ts'
import { type Group, type Policy, SELF } from '../policy.ts'
import { fillSeats, isFilled, peopleOf } from '../seats.ts'
import { complain, countOf, entriesOf, fieldsOf, listOf, type Node, stringOf } from './fields.ts'
import { checkName } from './principals.ts'

const GROUP_LIMIT = 1000
const MEMBER_LIMIT = 1000
/** How deeply groups may be nested. Nobody needs more, and nobody could follow it. */
const NESTING_LIMIT = 8

/**
 * Reads `[groups]`. Records unknown members, cycles, and thresholds that cannot be met. Undefined
 * if there is any problem, because then it is unknown who could meet a requirement.
 */
export function readGroups(
  node: Node | undefined,
  principals: Policy['principals'],
): ReadonlyMap<string, Group> | undefined {
  const groups = new Map<string, Group>()
  const nodes = new Map<string, Node>()
  const before = node?.draft.problems.length
  const entries = (node && entriesOf(node)) ?? []
  if (node !== undefined && entries.length > GROUP_LIMIT) complain(node, `more than ${GROUP_LIMIT} groups`)
  for (const [name, entry] of entries.slice(0, GROUP_LIMIT)) {
    checkName(name, entry)
    if (principals.has(name)) complain(entry, 'a principal has the same name')
    const fields = fieldsOf(entry, ['members', 'threshold'], [])
    const members = readMembers(fields?.members)
    const threshold = countOf(fields?.threshold)
    if (threshold === undefined) continue
    groups.set(name, { name, members, threshold })
    nodes.set(name, fields?.threshold ?? entry)
  }
  const known = new Set([SELF, ...principals.keys(), ...entries.map(([name]) => name)])
  for (const [, entry] of entries) checkMembers(entry, known)
  const isSound = () => node === undefined || node.draft.problems.length === before
  if (isSound()) {
    for (const [name, entry] of entries) {
      const problem = nestingProblem(name, groups)
      if (problem !== undefined) complain(entry, problem)
    }
  }
  if (isSound()) {
    for (const [name, entry] of nodes) checkThreshold(name, entry, groups)
  }
  return isSound() ? groups : undefined
}

function readMembers(node: Node | undefined): readonly string[] {
  const members = new Set<string>()
  const items = listOf(node, MEMBER_LIMIT)
  for (const item of items) {
    const member = stringOf(item)
    if (member === undefined) continue
    if (members.has(member)) complain(item, `"${printable(member)}" is listed twice`)
    members.add(member)
  }
  if (node !== undefined && Array.isArray(node.value) && items.length === 0)
    complain(node, 'a group needs members')
  return [...members]
}

function checkMembers(entry: Node, known: ReadonlySet<string>): void {
  const members = entriesOf(entry)?.find(([field]) => field === 'members')?.[1]
  if (members === undefined || !Array.isArray(members.value)) return
  for (const item of listOf(members, MEMBER_LIMIT)) {
    if (typeof item.value === 'string' && item.value !== '' && !known.has(item.value)) {
      complain(item, `"${printable(item.value)}" is neither a principal nor a group`)
    }
  }
}

/**
 * Why a group is wrong: it contains itself, or groups are nested too deeply; undefined if it is
 * right.
 */
function nestingProblem(name: string, groups: ReadonlyMap<string, Group>): string | undefined {
  let level = new Set(groups.get(name)?.members)
  for (let depth = 0; level.size > 0; depth++) {
    if (level.has(name)) return 'the group contains itself'
    if (depth > NESTING_LIMIT) return `groups are nested more than ${NESTING_LIMIT} deep`
    level = new Set([...level].flatMap(member => groups.get(member)?.members ?? []))
  }
  return undefined
}

function checkThreshold(name: string, node: Node, groups: ReadonlyMap<string, Group>): void {
  const { filled, threshold, of } = fillSeats(groups, name, peopleOf(groups, name))
  if (threshold > of) complain(node, `needs ${threshold} of only ${of} members`)
  else if (!isFilled({ filled, threshold, of })) {
    complain(
      node,
      `needs ${threshold}, but no more than ${filled.length} of its members can have a person of their own`,
    )
  }
}
