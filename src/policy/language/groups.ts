import { printable } from '../../primitives/printable.ts'
import { type Group, type Policy, SELF } from '../policy.ts'
import { fillSeats, isFilled, peopleOf } from '../seats.ts'
import { complain, countOf, entriesOf, fieldsOf, listOf, type Node, stringOf } from './fields.ts'
import { checkOwnName, isListedName } from './listed-names.ts'
import { unknownName } from './names.ts'
import { checkName } from './principals.ts'

const GROUP_LIMIT = 1000
const MEMBER_LIMIT = 1000
/** How deeply groups may be nested. Nobody needs more, and nobody could follow it. */
const NESTING_LIMIT = 8

/** What `[groups]` says. */
export interface ReadGroups {
  /**
   * Those of which it is known who can fill them: sound, and made of sound groups alone. If nothing
   * is wrong with `[groups]`, all.
   */
  readonly groups: ReadonlyMap<string, Group>
  /** Every name that a requirement may have: principals, groups, sound or not, and `self`. */
  readonly names: ReadonlySet<string>
}

/** A group with where it stands. `isRead`: nothing is wrong with it by itself. */
interface Entry extends Group {
  readonly node: Node
  readonly thresholdNode: Node | undefined
  readonly isRead: boolean
}

/**
 * Reads `[groups]`. Records unknown members, cycles, and thresholds that cannot be met: of each
 * group whatever can be said of it while others are wrong.
 */
export function readGroups(
  node: Node | undefined,
  { principals, lists }: Pick<Policy, 'principals' | 'lists'>,
): ReadGroups {
  const tables = (node && entriesOf(node)) ?? []
  if (node !== undefined && tables.length > GROUP_LIMIT) complain(node, `more than ${GROUP_LIMIT} groups`)
  const names = new Set([SELF, ...principals.keys(), ...tables.map(([name]) => name)])
  const entries = new Map<string, Entry>()
  for (const [name, table] of tables.slice(0, GROUP_LIMIT)) {
    const entry = readGroup(name, table, { names, principals, lists })
    // The name is a principal's, for whom it stands wherever it is named.
    if (!principals.has(name)) entries.set(name, entry)
  }
  const wrong = new Set([...entries.values()].filter(({ isRead }) => !isRead).map(({ name }) => name))
  for (const [name, problem] of nestingProblems(entries)) {
    const table = entries.get(name)?.node
    if (table !== undefined) complain(table, problem)
    wrong.add(name)
  }
  const sound = new Map([...entries].filter(([name]) => isReachedSoundly(name, entries, wrong)))
  for (const entry of sound.values()) checkThreshold(entry, sound)
  return { groups: new Map([...sound].map(([name, entry]) => [name, groupOf(entry)])), names }
}

function groupOf({ name, members, threshold }: Entry): Group {
  return { name, members, threshold }
}

function readGroup(
  name: string,
  node: Node,
  { names, principals, lists }: Pick<ReadGroups, 'names'> & Pick<Policy, 'principals' | 'lists'>,
): Entry {
  const before = node.draft.problems.length
  checkName(name, node)
  checkOwnName(name, node, lists)
  if (principals.has(name)) complain(node, 'a principal has the same name')
  const fields = fieldsOf(node, ['members', 'threshold'], [])
  const members = readMembers(fields?.members, name => names.has(name) || isListedName(name, lists), names)
  const threshold = countOf(fields?.threshold)
  const listed = fields?.members?.value
  const count = Array.isArray(listed) ? listed.length : 0
  // That can be said whoever they are.
  if (fields?.threshold !== undefined && threshold !== undefined && count > 0 && threshold > count)
    complain(fields.threshold, `needs ${threshold} of only ${count} members`)
  const isRead = node.draft.problems.length === before
  return { name, members, threshold: threshold ?? 1, node, thresholdNode: fields?.threshold, isRead }
}

/** Whether nothing is wrong with a group and the groups that it is made of. */
function isReachedSoundly(
  name: string,
  entries: ReadonlyMap<string, Entry>,
  wrong: ReadonlySet<string>,
): boolean {
  return !wrong.has(name) && [...groupsIn(name, entries)].every(member => !wrong.has(member))
}

function readMembers(
  node: Node | undefined,
  isKnown: (name: string) => boolean,
  names: ReadonlySet<string>,
): readonly string[] {
  const members = new Set<string>()
  const items = listOf(node, MEMBER_LIMIT)
  for (const item of items) {
    const member = stringOf(item)
    if (member === undefined) continue
    if (members.has(member)) complain(item, `"${printable(member)}" is listed twice`)
    else if (!isKnown(member)) complain(item, unknownName(member, names))
    members.add(member)
  }
  if (node !== undefined && Array.isArray(node.value) && items.length === 0)
    complain(node, 'a group needs members')
  return [...members]
}

/** Why groups cannot be followed: they contain themselves, or are nested too deeply. */
function nestingProblems(entries: ReadonlyMap<string, Entry>): ReadonlyMap<string, string> {
  const problems = new Map<string, string>()
  const depths = depthsOf(entries)
  for (const name of entries.keys()) {
    const depth = depths.get(name)
    if (depth === undefined) {
      if (groupsIn(name, entries).has(name)) problems.set(name, 'the group contains itself')
    } else if (depth > NESTING_LIMIT) {
      problems.set(name, `groups are nested more than ${NESTING_LIMIT} deep`)
    }
  }
  return problems
}

/** How many groups lie below each other in a group; undefined for one that reaches a circle. */
function depthsOf(entries: ReadonlyMap<string, Entry>): ReadonlyMap<string, number | undefined> {
  const depths = new Map<string, number | undefined>()
  const depthOf = (name: string): number | undefined => {
    if (depths.has(name)) return depths.get(name)
    // Until its own depth is known it is what a circle leads back to.
    depths.set(name, undefined)
    let depth: number | undefined = 0
    for (const member of entries.get(name)?.members ?? []) {
      if (!entries.has(member)) continue
      const below = depthOf(member)
      depth = below === undefined || depth === undefined ? undefined : Math.max(depth, below + 1)
    }
    depths.set(name, depth)
    return depth
  }
  for (const name of entries.keys()) depthOf(name)
  return depths
}

/** The groups that a group is made of, at any depth. */
function groupsIn(name: string, entries: ReadonlyMap<string, Entry>): ReadonlySet<string> {
  const found = new Set<string>()
  const pending = [name]
  for (let one = pending.pop(); one !== undefined; one = pending.pop()) {
    for (const member of entries.get(one)?.members ?? []) {
      if (found.has(member) || !entries.has(member)) continue
      found.add(member)
      pending.push(member)
    }
  }
  return found
}

function checkThreshold({ name, threshold, thresholdNode }: Entry, sound: ReadonlyMap<string, Group>): void {
  const seats = fillSeats(sound, name, peopleOf(sound, name))
  if (thresholdNode === undefined || isFilled(seats)) return
  complain(
    thresholdNode,
    `needs ${threshold}, but no more than ${seats.filled.length} of its members can have a person of their own`,
  )
}
