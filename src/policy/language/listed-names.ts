/** Names of principals and groups that lists have: `debian/libmd`. */
import type { ListScope } from '../lists/book.ts'
import { isNameOf, listNameOf } from '../lists/names.ts'
import { complain, type Node } from './fields.ts'

/**
 * Whether a name is one that a list of the policy could have. Only its book says whether it has it.
 */
export function isListedName(name: string, lists: ReadonlyMap<string, ListScope>): boolean {
  const list = listNameOf(name, lists)
  return list !== undefined && isNameOf(list, name)
}

/** Records a problem for a name of the user's own that would read as one of a list's. */
export function checkOwnName(name: string, node: Node, lists: ReadonlyMap<string, ListScope>): void {
  const list = listNameOf(name, lists)
  if (list !== undefined) complain(node, `the names that begin with "${list}/" are those of the list ${list}`)
}
