/**
 * Reading known fields out of a parsed policy. What is wrong is noted with its line and read as undefined, so that one
 * run tells every problem of a file; parse.ts throws if any was noted.
 */
import { printable } from '../../primitives/printable.ts'
import type { Locator, TomlPath } from './locate.ts'
import type { Problem } from './policy-error.ts'

/** The document under reading. */
export interface Draft {
  readonly toml: string
  readonly locate: Locator
  readonly problems: Problem[]
}

/** A value of the document and where it stands. */
export interface Node {
  readonly draft: Draft
  readonly path: TomlPath
  readonly value: unknown
}

/** Characters that a string may have. */
const STRING_LIMIT = 4096

/** Notes what is wrong with a node. Quoted text must be escaped already. */
export function complain(node: Node, problem: string): undefined {
  const where = node.path.length === 0 ? '' : `${pathWords(node.path)}: `
  node.draft.problems.push({ line: lineOf(node), message: where + problem })
  return undefined
}

/** Line of a node, from 1. */
export function lineOf(node: Node): number {
  return node.draft.locate(node.path).line
}

/** The fields of a table, each a node. Notes each field that is missing or unknown; undefined if it is no table. */
export function fieldsOf<Required extends string, Optional extends string>(
  node: Node,
  required: readonly Required[],
  optional: readonly Optional[],
): Partial<Record<Required | Optional, Node>> | undefined {
  const entries = entriesOf(node)
  if (entries === undefined) return undefined
  const known = new Set<string>([...required, ...optional])
  const fields: Partial<Record<string, Node>> = Object.create(null)
  for (const [name, field] of entries) {
    if (known.has(name)) fields[name] = field
    else complain(field, `unknown field, known are: ${[...known].join(', ')}`)
  }
  for (const name of required) {
    if (fields[name] === undefined) complain(node, `field "${name}" is missing`)
  }
  return fields as Partial<Record<Required | Optional, Node>>
}

/** All entries of a table, in order; undefined, and noted, if it is none. */
export function entriesOf(node: Node): readonly (readonly [string, Node])[] | undefined {
  if (!isTable(node.value)) return complain(node, 'must be a table')
  return Object.entries(node.value).map(([name, value]) => [
    name,
    { draft: node.draft, path: [...node.path, name], value },
  ])
}

export function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)
}

/** The elements of a list of at most `limit`; none, and noted, if it is longer or no list. A missing node has none. */
export function listOf(node: Node | undefined, limit: number): readonly Node[] {
  if (node === undefined) return []
  const { draft, path, value } = node
  const list: readonly unknown[] | undefined = Array.isArray(value) ? value : complain(node, 'must be a list')
  if (list === undefined) return []
  if (list.length > limit) complain(node, `more than ${limit} entries`)
  return list.slice(0, limit).map((element, index) => ({ draft, path: [...path, index], value: element }))
}

/** A string that is neither empty nor longer than 4096 characters; undefined if missing, or noted if it is none. */
export function stringOf(node: Node | undefined): string | undefined {
  if (node === undefined) return undefined
  if (typeof node.value !== 'string') return complain(node, 'must be a string')
  if (node.value === '') return complain(node, 'must not be empty')
  if (node.value.length > STRING_LIMIT) return complain(node, `longer than ${STRING_LIMIT} characters`)
  return node.value
}

/** A string of one line that shows every character that it has: a name, a reason, a path. */
export function plainStringOf(node: Node | undefined, limit: number): string | undefined {
  const text = stringOf(node)
  if (node === undefined || text === undefined) return undefined
  const problem = plainProblem(text, limit)
  return problem === undefined ? text : complain(node, problem)
}

/** Why a text does not show what it is; undefined if it does. */
export function plainProblem(text: string, limit: number): string | undefined {
  if (text.length > limit) return `longer than ${limit} characters`
  if (printable(text, text.length) !== text.replaceAll('\\', '\\\\')) {
    return `"${printable(text)}" has control or invisible characters`
  }
  return text.trim() === text ? undefined : `"${printable(text)}" begins or ends with a space`
}

export function booleanOf(node: Node | undefined): boolean | undefined {
  if (node === undefined || typeof node.value === 'boolean') return node?.value as boolean | undefined
  return complain(node, 'must be true or false')
}

/** An integer of at least 1 (TOML keeps integers and floats apart, and so does the parser: bigint). */
export function countOf(node: Node | undefined): number | undefined {
  if (node === undefined) return undefined
  if (typeof node.value !== 'bigint') return complain(node, 'must be an integer')
  if (node.value < 1n) return complain(node, 'must be at least 1')
  return node.value > 1_000_000n ? complain(node, 'must be at most 1000000') : Number(node.value)
}

/** A number of seconds, from a least one up to a limit. */
export function secondsOf(node: Node, least: number, limit: number): number | undefined {
  if (typeof node.value !== 'bigint') return complain(node, 'must be a number of seconds, an integer')
  if (node.value < 0n) return complain(node, 'must not be negative')
  if (node.value < BigInt(least)) return complain(node, `must be at least ${least}`)
  return node.value > BigInt(limit) ? complain(node, `must be at most ${limit}`) : Number(node.value)
}

/** One of some words. */
export function wordOf<Word extends string>(
  node: Node | undefined,
  words: readonly Word[],
): Word | undefined {
  if (node === undefined) return undefined
  const found = words.find(word => word === node.value)
  return found ?? complain(node, `must be ${words.map(word => `"${word}"`).join(' or ')}`)
}

function pathWords(path: TomlPath): string {
  return path
    .map(part => (typeof part === 'number' ? `[${part + 1}]` : `.${printable(part, 100)}`))
    .join('')
    .replace(/^\./, '')
}
