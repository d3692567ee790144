/**
 * Writes flake.lock as Nix does (`LockFile::toJSON`): keys sorted by their bytes, two spaces, a
 * final line feed, and nodes called by the inputs that lead to them, with `_2`, `_3` … where that
 * is taken.
 */

import { isList, isObject } from '../json/print.ts'
import type { JsonObject, JsonValue } from '../json/strict.ts'

/** A node of the graph that is written. */
export interface WrittenNode {
  /** `locked`, `original`, `flake` and `parent`, as they are written. */
  fields: JsonObject
  /** Other nodes, or paths that are followed, by the names of the inputs. */
  readonly inputs: Map<string, WrittenNode | readonly string[]>
}

/** The text of a flake.lock with this root. */
export function printFlakeLock(root: WrittenNode, version: number): string {
  const nodes = new Map<string, JsonValue>()
  const keys = new Map<WrittenNode, string>()
  const taken = new Set<string>()
  const next = new Map<string, number>()
  const place = (wanted: string, node: WrittenNode): string => {
    const known = keys.get(node)
    if (known !== undefined) return known
    let key = wanted
    // Those before `next` are taken: many inputs of one name do not look through all of them.
    let number = next.get(wanted) ?? 2
    for (; taken.has(key); number++) key = `${wanted}_${number}`
    next.set(wanted, number)
    taken.add(key)
    keys.set(node, key)
    const inputs = new Map<string, JsonValue>()
    for (const name of [...node.inputs.keys()].sort(byBytes)) {
      const edge = node.inputs.get(name)
      if (edge !== undefined) inputs.set(name, isPath(edge) ? edge : place(name, edge))
    }
    const all = inputs.size === 0 ? node.fields : new Map([...node.fields, ['inputs', inputs]])
    nodes.set(key, all)
    return key
  }
  const key = place('root', root)
  const whole = new Map<string, JsonValue>([
    ['nodes', nodes],
    ['root', key],
    ['version', version],
  ])
  return `${printSorted(whole, '')}\n`
}

/** Whether an input follows another one. */
export function isPath(edge: WrittenNode | readonly string[]): edge is readonly string[] {
  return Array.isArray(edge)
}

function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

function printSorted(value: JsonValue, indent: string): string {
  const inner = `${indent}  `
  if (isObject(value)) {
    if (value.size === 0) return '{}'
    const keys = [...value.keys()].sort(byBytes)
    const lines = keys.map(key => `${inner}${quoted(key)}: ${printSorted(value.get(key) ?? null, inner)}`)
    return `{\n${lines.join(',\n')}\n${indent}}`
  }
  if (isList(value)) {
    if (value.length === 0) return '[]'
    const lines = value.map(each => inner + printSorted(each, inner))
    return `[\n${lines.join(',\n')}\n${indent}]`
  }
  return typeof value === 'string' ? quoted(value) : JSON.stringify(value)
}

/** As nlohmann's JSON for C++ writes a string: DEL stands for itself in both. */
function quoted(text: string): string {
  return JSON.stringify(text)
}
