/**
 * Reads known fields of a parsed policy. A wrong value is recorded as a problem with its line and
 * read as undefined, so that one run reports every problem of a file. parse.ts throws if there are
 * any.
 */
import { printable } from '../../primitives/printable.ts'
import type { Locator, TomlPath } from './locate.ts'
import type { Problem } from './policy-error.ts'

/** The document that is being read. */
export interface Draft {
  readonly toml: string
  readonly locate: Locator
  readonly problems: Problem[]
}

/** A value of the document and its place. */
export interface Node {
  readonly draft: Draft
  readonly path: TomlPath
  readonly value: unknown
}

/** Limit on the characters of a string. */
const STRING_LIMIT = 4096

/** Of a problem that is one whatever else the document says. */
export const ALONE = { alone: true } as const

/** Records a problem of a node. Quoted text must already be escaped. */
export function complain(
  node: Node,
  problem: string,
  more: Pick<Problem, 'secretIn' | 'alone'> = {},
): undefined {
  const where = node.path.length === 0 ? '' : `${pathWords(node.path)}: `
  const message = where + problem
  node.draft.problems.push({ line: lineOf(node), message, ...more })
  return undefined
}

/** The line of a node, from 1. */
export function lineOf(node: Node): number {
  return node.draft.locate(node.path).line
}

/**
 * The fields of a table, each as a node. Records each missing or unknown field; undefined if the
 * node is not a table.
 */
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
    else complain(field, `unknown field, known are: ${[...known].join(', ')}`, ALONE)
  }
  for (const name of required) {
    if (fields[name] === undefined) complain(node, `field "${name}" is missing`)
  }
  return fields as Partial<Record<Required | Optional, Node>>
}

/** All entries of a table, in order. If it is not a table, records that and returns undefined. */
export function entriesOf(node: Node): readonly (readonly [string, Node])[] | undefined {
  if (!isTable(node.value)) return complain(node, 'must be a table', ALONE)
  return Object.entries(node.value).map(([name, value]) => [
    name,
    { draft: node.draft, path: [...node.path, name], value },
  ])
}

/** Whether a parsed TOML value is a table. */
export function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)
}

/**
 * The elements of a list. If it is not a list or has more than `limit` elements, records that and
 * returns none. An absent node has none.
 */
export function listOf(node: Node | undefined, limit: number): readonly Node[] {
  if (node === undefined) return []
  const { draft, path, value } = node
  const list: readonly unknown[] | undefined = Array.isArray(value)
    ? value
    : complain(node, 'must be a list', ALONE)
  if (list === undefined) return []
  if (list.length > limit) complain(node, `more than ${limit} entries`, ALONE)
  return list.slice(0, limit).map((element, index) => ({ draft, path: [...path, index], value: element }))
}

/**
 * A string of 1 to 4096 characters; undefined if the node is absent. Anything else is recorded and
 * undefined.
 */
export function stringOf(node: Node | undefined): string | undefined {
  if (node === undefined) return undefined
  if (typeof node.value !== 'string') return complain(node, 'must be a string', ALONE)
  if (node.value === '') return complain(node, 'must not be empty', ALONE)
  if (node.value.length > STRING_LIMIT) return complain(node, `longer than ${STRING_LIMIT} characters`, ALONE)
  return node.value
}

/**
 * A string of one line whose characters are all visible, such as a name, a reason or a path.
 * Anything else is recorded and undefined.
 */
export function plainStringOf(node: Node | undefined, limit: number): string | undefined {
  const text = stringOf(node)
  if (node === undefined || text === undefined) return undefined
  const problem = plainProblem(text, limit)
  return problem === undefined ? text : complain(node, problem, ALONE)
}

/** Why a text has other characters than it shows; undefined if it does not. */
export function plainProblem(text: string, limit: number): string | undefined {
  if (text.length > limit) return `longer than ${limit} characters`
  if (printable(text, text.length) !== text.replaceAll('\\', '\\\\')) {
    return `"${printable(text)}" has control or invisible characters`
  }
  return text.trim() === text ? undefined : `"${printable(text)}" begins or ends with a space`
}

/** A boolean; undefined if the node is absent. Anything else is recorded and undefined. */
export function booleanOf(node: Node | undefined): boolean | undefined {
  if (node === undefined || typeof node.value === 'boolean') return node?.value as boolean | undefined
  return complain(node, 'must be true or false', ALONE)
}

/** An integer of at least 1. TOML and its parser keep integers (bigint) and floats apart. */
export function countOf(node: Node | undefined): number | undefined {
  if (node === undefined) return undefined
  if (typeof node.value !== 'bigint') return complain(node, 'must be an integer', ALONE)
  if (node.value < 1n) return complain(node, 'must be at least 1', ALONE)
  return node.value > 1_000_000n ? complain(node, 'must be at most 1000000', ALONE) : Number(node.value)
}

/** A number of seconds between `least` and `limit`, inclusive. */
export function secondsOf(node: Node, least: number, limit: number): number | undefined {
  if (typeof node.value !== 'bigint') return complain(node, 'must be a number of seconds, an integer', ALONE)
  if (node.value < 0n) return complain(node, 'must not be negative', ALONE)
  if (node.value < BigInt(least)) return complain(node, `must be at least ${least}`, ALONE)
  return node.value > BigInt(limit) ? complain(node, `must be at most ${limit}`, ALONE) : Number(node.value)
}

/** One of these words. */
export function wordOf<Word extends string>(
  node: Node | undefined,
  words: readonly Word[],
): Word | undefined {
  if (node === undefined) return undefined
  const found = words.find(word => word === node.value)
  return found ?? complain(node, `must be ${words.map(word => `"${word}"`).join(' or ')}`, ALONE)
}

function pathWords(path: TomlPath): string {
  return path
    .map(part => (typeof part === 'number' ? `[${part + 1}]` : `.${printable(part, 100)}`))
    .join('')
    .replace(/^\./, '')
}
