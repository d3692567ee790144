import { NAME } from '../../formats/lists/names.ts'

/** Whether a name is one that this list can give to somebody. */
export function isNameOf(list: string, name: string): boolean {
  return name.startsWith(`${list}/`) && NAME.test(name.slice(list.length + 1))
}

/**
 * The list whose name this is, by its prefix: `debian` for `debian/libmd`. Undefined for the user's
 * own names.
 */
export function listNameOf(name: string, lists: ReadonlyMap<string, unknown>): string | undefined {
  const slash = name.indexOf('/')
  const prefix = slash < 0 ? '' : name.slice(0, slash)
  return lists.has(prefix) ? prefix : undefined
}
