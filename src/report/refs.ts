import type { Audit } from '../audit/audit.ts'

/**
 * One identifier for each path of an audit, all different: what `nameOf` makes of it, or `other`
 * and its place where that is nothing or another path has it.
 */
export function refsOf(
  { paths }: Audit,
  nameOf: (path: string) => string | undefined,
  other: string,
): readonly string[] {
  const taken = new Set<string>()
  return paths.map(({ path }, index) => {
    const name = nameOf(path)
    const ref = name === undefined || taken.has(name) ? `${other}${index}` : name
    taken.add(ref)
    return ref
  })
}
