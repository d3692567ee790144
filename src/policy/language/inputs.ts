/**
 * Reads what a policy says about expressions: `[[inputs]]`, who must have signed the commits of
 * which repositories, and `[approvals]`, who approves what was evaluated from them.
 */
import { printable } from '../../primitives/printable.ts'
import type { InputRule } from '../policy.ts'
import { booleanOf, complain, fieldsOf, lineOf, listOf, type Node, plainStringOf } from './fields.ts'
import { type People, readApprovers, readRequirement } from './requirements.ts'
import { covers } from './shadow.ts'

const INPUT_LIMIT = 1000
const TITLE_LIMIT = 100
const URL_LIMIT = 1024

/** Reads `[[inputs]]`, in order. Records a problem for a rule that can never decide. */
export function readInputs(node: Node | undefined, people: People): readonly InputRule[] {
  const rules: InputRule[] = []
  for (const [index, item] of listOf(node, INPUT_LIMIT).entries()) {
    const fields = fieldsOf(item, ['url', 'require'], ['name', 'accept-unlocked'])
    const url = readGlob(fields?.url)
    const require = fields?.require && readRequirement(fields.require, 'expression', people)
    const title = plainStringOf(fields?.name, TITLE_LIMIT) ?? `input rule ${index + 1}`
    const acceptUnlocked = booleanOf(fields?.['accept-unlocked']) ?? false
    if (url === undefined) continue
    const shadow = rules.find(earlier => covers(earlier.url, url))
    if (shadow !== undefined) {
      const first = `"${printable(shadow.title)}" in line ${shadow.line}`
      complain(item, `never decides: ${first} matches all that it matches, and comes first`)
    }
    // What the rule requires may be wrong; which URLs it matches is known.
    rules.push({ title, line: lineOf(item), url, require: require ?? { kind: 'refuse' }, acceptUnlocked })
  }
  return rules
}

/** Reads `[approvals]`: who must approve where a rule says `"approved"`. */
export function readApprovals(node: Node | undefined, people: People): People {
  if (node === undefined) return people
  const by = fieldsOf(node, ['by'], [])?.by
  const approvers = by && readApprovers(by, people)
  return { ...people, approvers: approvers ?? 'wrong' }
}

function readGlob(node: Node | undefined): string | undefined {
  const glob = plainStringOf(node, URL_LIMIT)
  if (node === undefined || glob === undefined) return undefined
  if (/^(?:\*|[a-z][a-z0-9+.*-]*:|\*:)/.test(glob) && !/\s/.test(glob)) return glob
  return complain(node, 'must be a glob for URLs, such as "https://github.com/NixOS/*", or "path:*"')
}
