/** What is said of a name that nothing in the policy has. */
import { printable } from '../../primitives/printable.ts'

/**
 * `"mallory" is neither a principal nor a group`, with the name that was meant, where that is
 * plain.
 */
export function unknownName(name: string, names: ReadonlySet<string>): string {
  const unknown = `"${printable(name)}" is neither a principal nor a group`
  const plain = name.trim()
  if (plain !== name && names.has(plain))
    return `${unknown}: it begins or ends with a space, "${printable(plain)}" is one`
  const meant = [...names].find(known => known.toLowerCase() === plain.toLowerCase() && known !== name)
  return meant === undefined ? unknown : `${unknown}; did you mean "${printable(meant)}"?`
}
