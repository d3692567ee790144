/** The namespaces that an SSH key may sign for: `namespaces = ["file", "release@example.org"]`. */
import { isExactNamespace } from '../../formats/ssh/sshsig.ts'
import { complain, listOf, type Node, plainStringOf } from './fields.ts'
import type { TextKey } from './keys.ts'

const COUNT_LIMIT = 16
const NAMESPACE_LIMIT = 256

/**
 * Reads the namespaces of a key. Records problems, including patterns: ssh-keygen allows them, but
 * here names are exact.
 */
export function readNamespaces(node: Node, key: TextKey | undefined): readonly string[] | undefined {
  if (key !== undefined && key.form !== 'ssh')
    return complain(node, 'only keys in the form of SSH have namespaces')
  if (Array.isArray(node.value) && node.value.length === 0) complain(node, 'must name at least one namespace')
  const names = listOf(node, COUNT_LIMIT).flatMap(item => {
    const name = plainStringOf(item, NAMESPACE_LIMIT)
    if (name === undefined) return []
    if (!isExactNamespace(name))
      complain(item, 'a namespace is exact: no wildcards, commas, quotes and spaces')
    return [name]
  })
  if (new Set(names).size < names.length) complain(node, 'names a namespace twice')
  return names
}
