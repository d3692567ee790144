/**
 * Counts people. Each member of a group is a seat. A seat is filled by one person who stands for
 * that member: the principal itself or, for a group whose threshold is met, one of those who fill
 * its seats. Nobody fills two seats of one group. The number of seats that can be filled at once is
 * a maximum bipartite matching.
 */
import type { Policy } from './policy.ts'

type Groups = Policy['groups']

/** For principals who are one person with others: who stands for them. Others are themselves. */
export type Persons = ReadonlyMap<string, string>

const NOBODY_TWICE: Persons = new Map()

/** The seats of a group, and who fills them. */
export interface Seats {
  /** The people who fill seats, each once, in the order of the members. */
  readonly filled: readonly string[]
  readonly threshold: number
  /** The number of seats. */
  readonly of: number
}

/**
 * How many seats of a principal or group these people fill. A principal is one seat, which only it
 * can fill. `persons`: principals who are one person, by the name of the one that stands for all.
 */
export function fillSeats(
  groups: Groups,
  who: string,
  present: ReadonlySet<string>,
  persons: Persons = NOBODY_TWICE,
): Seats {
  return seatsOf({ groups, present, persons, known: new Map() }, who)
}

/** Whether enough seats are filled. */
export function isFilled(seats: Seats): boolean {
  return seats.filled.length >= seats.threshold
}

/** Everybody who could fill a seat of a principal or group, directly or through nested groups. */
export function peopleOf(groups: Groups, who: string): ReadonlySet<string> {
  const people = new Set<string>()
  const seen = new Set<string>()
  const pending = [who]
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (seen.has(name)) continue
    seen.add(name)
    const group = groups.get(name)
    if (group === undefined) people.add(name)
    else pending.push(...group.members)
  }
  return people
}

/** What is counted. `known`: who can stand for each name that was computed already. */
interface Count {
  readonly groups: Groups
  readonly present: ReadonlySet<string>
  readonly persons: Persons
  readonly known: Map<string, readonly string[]>
}

function seatsOf(count: Count, who: string): Seats {
  const { groups, present, persons } = count
  const group = groups.get(who)
  if (group === undefined)
    return { filled: present.has(who) ? [persons.get(who) ?? who] : [], threshold: 1, of: 1 }
  const candidates = group.members.map(member => standIns(count, member))
  return { filled: match(candidates), threshold: group.threshold, of: group.members.length }
}

/**
 * Those who can stand for a name. Whoever can fill one seat of a group whose threshold is met is
 * part of some way to meet it.
 */
function standIns(count: Count, who: string): readonly string[] {
  const { groups, known } = count
  const before = known.get(who)
  if (before !== undefined) return before
  const seats = seatsOf(count, who)
  const members = groups.get(who)?.members ?? []
  const found = isFilled(seats) ? members.flatMap(member => standIns(count, member)) : []
  const people = groups.has(who) ? [...new Set(found)] : seats.filled
  known.set(who, people)
  return people
}

/**
 * A maximum choice of one candidate per seat, without duplicates (augmenting paths). Returns the
 * chosen ones, by seat.
 */
function match(candidates: readonly (readonly string[])[]): readonly string[] {
  const seatOf = new Map<string, number>()
  const seat = (index: number, tried: Set<string>): boolean => {
    for (const person of candidates[index] ?? []) {
      if (tried.has(person)) continue
      tried.add(person)
      const other = seatOf.get(person)
      if (other === undefined || seat(other, tried)) {
        seatOf.set(person, index)
        return true
      }
    }
    return false
  }
  for (const index of candidates.keys()) seat(index, new Set())
  return [...seatOf].sort(([, a], [, b]) => a - b).map(([person]) => person)
}
