/**
 * Counts people. Each member of a group is a seat. A seat is filled by one person who stands for
 * that member: the principal itself or, for a group whose threshold is met, one of those who fill
 * its seats. Nobody fills two seats of one group. The number of seats that can be filled at once is
 * a maximum bipartite matching.
 */
import type { Policy } from './policy.ts'

type Groups = Policy['groups']

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
 * can fill.
 */
export function fillSeats(groups: Groups, who: string, present: ReadonlySet<string>): Seats {
  return seatsOf(groups, who, present, new Map())
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

/** Who can stand for each name that was computed already: groups may share members. */
type Known = Map<string, readonly string[]>

function seatsOf(groups: Groups, who: string, present: ReadonlySet<string>, known: Known): Seats {
  const group = groups.get(who)
  if (group === undefined) return { filled: present.has(who) ? [who] : [], threshold: 1, of: 1 }
  const candidates = group.members.map(member => standIns(groups, member, present, known))
  return { filled: match(candidates), threshold: group.threshold, of: group.members.length }
}

/**
 * Those who can stand for a name. Whoever can fill one seat of a group whose threshold is met is
 * part of some way to meet it.
 */
function standIns(
  groups: Groups,
  who: string,
  present: ReadonlySet<string>,
  known: Known,
): readonly string[] {
  const before = known.get(who)
  if (before !== undefined) return before
  const seats = seatsOf(groups, who, present, known)
  const members = groups.get(who)?.members ?? []
  const found = isFilled(seats) ? members.flatMap(member => standIns(groups, member, present, known)) : []
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
