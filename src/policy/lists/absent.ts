/** Lists that would have a word on a demand, and have none at this instant. */
import type { Aspect, Demand, Instant, Policy } from '../policy.ts'
import { ITS_DEVELOPERS, ROLES } from '../policy.ts'
import { peopleOf } from '../seats.ts'
import type { Finding } from '../verdict.ts'
import type { ListInForce } from './book.ts'
import { listNameOf } from './names.ts'
import { isAbout } from './policy-for.ts'
import { endOfList, isInScope } from './scope.ts'

/** What is said of a list that has no word. */
export type AbsentList = Extract<Finding, { code: 'ended-list' | 'missing-list' }>

/**
 * Of the lists that a demand asks, those that ended or have no book, in the order of the policy. A
 * list that may not speak about this subject, or in this role, is not asked.
 */
export function absentLists(
  policy: Policy,
  demand: Demand,
  { name, aspect, now }: { readonly name: string; readonly aspect: Aspect; readonly now: Instant },
): readonly AbsentList[] {
  const asked = new Set(demand.who === ITS_DEVELOPERS && isAbout(policy) ? policy.asked : [])
  for (const who of peopleOf(policy.groups, demand.who)) {
    const list = listNameOf(who, policy.lists)
    if (list !== undefined) asked.add(list)
  }
  const roles = demand.role === undefined ? ROLES[aspect] : [demand.role]
  return [...policy.lists.values()].flatMap(list => {
    if (!asked.has(list.name) || !isInScope(list, name)) return []
    if (!roles.some(role => list.roles.includes(role))) return []
    return absenceOf(list, now) ?? []
  })
}

function absenceOf(list: ListInForce, now: Instant): AbsentList | undefined {
  const { book, name } = list
  if ('problem' in book) return { code: 'missing-list', list: name, detail: book.problem }
  const end = endOfList(list)
  if (end === undefined || now < end) return undefined
  return {
    code: 'ended-list',
    list: name,
    since: book.ends,
    until: end,
    seen: book.seen,
    age: now - book.seen,
  }
}
