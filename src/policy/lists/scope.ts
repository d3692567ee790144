/** How far a list may speak, and until when it does. */
import { matchesGlob } from '../match.ts'
import type { Instant, Policy, Role } from '../policy.ts'
import type { ListInForce, ListScope } from './book.ts'
import { listNameOf } from './names.ts'

/** Whether a list may speak about what has this name. */
export function isInScope({ names }: ListScope, name: string): boolean {
  return names.some(glob => matchesGlob(glob, name))
}

/** From this instant on a list does not count: its end and the grace. Undefined without a book. */
export function endOfList({ book, grace }: ListInForce): Instant | undefined {
  return 'problem' in book ? undefined : book.ends + grace
}

/** The list that a principal or group is from; undefined for the user's own. */
export function listOfName(policy: Pick<Policy, 'lists'>, name: string): ListInForce | undefined {
  const list = listNameOf(name, policy.lists)
  return list === undefined ? undefined : policy.lists.get(list)
}

/** Why what somebody says in a role counts for nothing; undefined if it may count. */
export function silenceOf(
  policy: Pick<Policy, 'lists'>,
  who: string,
  role: Role,
  now: Instant,
): string | undefined {
  const list = listOfName(policy, who)
  if (list === undefined) return undefined
  if (!list.roles.includes(role)) return `[lists.${list.name}] may not speak for a ${role}`
  const end = endOfList(list)
  return end === undefined || end <= now ? `the list ${list.name} ended` : undefined
}
