/**
 * The list whose name this is, by its prefix: `debian` for `debian/libmd`. Undefined for the user's
 * own names.
 */
export function listNameOf(name: string, lists: ReadonlyMap<string, unknown>): string | undefined {
  const slash = name.indexOf('/')
  const prefix = slash < 0 ? '' : name.slice(0, slash)
  return lists.has(prefix) ? prefix : undefined
}
