import type { SubjectKind } from '../policy.ts'
import { ALONE, complain, listOf, type Node, stringOf, wordOf } from './fields.ts'

/** All kinds of store paths, by their names in a policy. */
export const KINDS: readonly SubjectKind[] = ['fetched-source', 'local-source', 'derivation', 'output']

/** A store path's name has at most 211 characters. */
const GLOB_LIMIT = 211

/**
 * A glob for names of store paths; undefined if absent. A glob that no name can match is recorded
 * and undefined.
 */
export function globOf(node: Node | undefined): string | undefined {
  const glob = stringOf(node)
  if (node === undefined || glob === undefined) return undefined
  if (glob.length > GLOB_LIMIT) return complain(node, `longer than ${GLOB_LIMIT} characters`, ALONE)
  if (!/^[0-9A-Za-z+._?=*-]+$/.test(glob)) {
    return complain(
      node,
      'no name matches: names of store paths have letters, digits and +-._?= alone',
      ALONE,
    )
  }
  if (glob.endsWith('.drv'))
    return complain(node, 'no name matches: a derivation\'s name is taken without ".drv"', ALONE)
  return glob
}

/** One kind or a list of kinds; undefined if absent. Anything else is recorded and undefined. */
export function kindsOf(node: Node | undefined): readonly SubjectKind[] | undefined {
  if (node === undefined) return undefined
  if (!Array.isArray(node.value)) {
    const kind = wordOf(node, KINDS)
    return kind && [kind]
  }
  const kinds = new Set<SubjectKind>()
  for (const item of listOf(node, KINDS.length)) {
    const kind = wordOf(item, KINDS)
    if (kind === undefined) continue
    if (kinds.has(kind)) complain(item, 'is listed twice')
    kinds.add(kind)
  }
  return kinds.size > 0 ? [...kinds] : complain(node, 'must have at least one kind', ALONE)
}
