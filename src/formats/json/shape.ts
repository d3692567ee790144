/**
 * Reads known fields out of JSON. A node knows its place in the document, so that every error names
 * the field (`statement: must be a string (subject[0].name)`).
 */
import { FormatError } from '../../primitives/format-error.ts'
import { printable } from '../../primitives/printable.ts'
import { OBJECT_ID } from '../git-object-id.ts'
import { isList, isObject } from './print.ts'
import type { JsonObject, JsonValue } from './strict.ts'

/** A JSON value and its place in a document. */
export interface JsonNode {
  /** The format that errors name. */
  readonly format: string
  /** Field names and indices from the root; empty at the root. */
  readonly where: string
  readonly value: JsonValue
}

/** Which fields an object has. */
export interface Shape<Required extends string, Optional extends string> {
  readonly required: readonly Required[]
  readonly optional: readonly Optional[]
  /** Whether unknown fields are errors, or extensions of other parties that are ignored. */
  readonly others: 'refuse' | 'ignore'
}

/** The node of a whole document. */
export function rootNode(format: string, value: JsonValue): JsonNode {
  return { format, where: '', value }
}

/**
 * The fields of an object, each as a node. Throws FormatError if the node is not an object or does
 * not have this shape.
 */
export function fields<Required extends string, Optional extends string = never>(
  node: JsonNode,
  shape: Shape<Required, Optional>,
): Readonly<Record<Required, JsonNode> & Partial<Record<Optional, JsonNode>>> {
  const known: Partial<Record<string, JsonNode>> = Object.create(null)
  for (const [name, value] of objectOf(node)) {
    const expected = [...shape.required, ...shape.optional].some(field => field === name)
    if (expected) known[name] = { format: node.format, where: join(node.where, name), value }
    else if (shape.others === 'refuse') throw malformed(node, `unknown field "${printable(name, 40)}"`)
  }
  for (const name of shape.required) {
    if (known[name] === undefined) throw malformed(node, `field "${name}" is missing`)
  }
  return known as Record<Required, JsonNode> & Partial<Record<Optional, JsonNode>>
}

/** The object of a node. Throws FormatError if it is not an object. */
export function objectOf(node: JsonNode): JsonObject {
  if (!isObject(node.value)) throw malformed(node, 'must be an object')
  return node.value
}

/**
 * The entries of an object whose names are data, and raw. Throws FormatError if it is not an object,
 * or has more than `limit` entries, which errors call `what`.
 */
export function namedNodes(
  node: JsonNode,
  limit: number,
  what = 'entries',
): readonly (readonly [name: string, JsonNode])[] {
  const object = objectOf(node)
  if (object.size > limit) throw malformed(node, `more than ${limit} ${what}`)
  return [...object].map(([name, value]) => [
    name,
    { format: node.format, where: join(node.where, printable(name, 100)), value },
  ])
}

/**
 * The elements of a list. Throws FormatError if it is not a list, or has more than `limit`
 * elements.
 */
export function listOf(node: JsonNode, limit: number): readonly JsonNode[] {
  if (!isList(node.value)) throw malformed(node, 'must be a list')
  if (node.value.length > limit) throw malformed(node, `more than ${limit} entries`)
  return node.value.map((value, index) => ({
    format: node.format,
    where: `${node.where}[${index}]`,
    value,
  }))
}

/** The string of a node. Throws FormatError if it is not a string. */
export function stringOf(node: JsonNode): string {
  if (typeof node.value !== 'string') throw malformed(node, 'must be a string')
  return node.value
}

/** A safe integer of at least 1. Throws FormatError. */
export function positiveOf(node: JsonNode): number {
  const { value } = node
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 1)
    throw malformed(node, 'must be an integer of at least 1')
  return value
}

/**
 * The SHA-256 hash of a node, 64 lower-case hexadecimal digits. Throws FormatError if it is not
 * one.
 */
export function sha256Of(node: JsonNode): string {
  const text = stringOf(node)
  if (!/^[0-9a-f]{64}$/.test(text)) throw malformed(node, 'must be 64 lower-case hexadecimal digits')
  return text
}

/** The id of a git object in a node: 40 or 64 lower-case hexadecimal digits. Throws FormatError. */
export function objectIdOf(node: JsonNode): string {
  const text = stringOf(node)
  if (OBJECT_ID.test(text)) return text
  throw malformed(node, "must be git's id of an object: 40 or 64 lower-case hexadecimal digits")
}

/**
 * Applies `read` to the string of a node. A FormatError that `read` throws is reported for this
 * node.
 */
export function readString<T>(node: JsonNode, read: (text: string) => T): T {
  const text = stringOf(node)
  try {
    return read(text)
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    throw new FormatError(node.format, error.message, node.where, { cause: error })
  }
}

/** The error for a node of the wrong form. */
export function malformed(node: JsonNode, what: string): FormatError {
  return new FormatError(node.format, what, node.where === '' ? 'the whole' : node.where)
}

function join(where: string, name: string): string {
  return where === '' ? name : `${where}.${name}`
}
