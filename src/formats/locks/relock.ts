/**
 * A flake.lock with one input at another commit. What the new commit's own flake.lock pins takes
 * the place of what the old one's did, as when Nix locks it: only what the flake itself makes its
 * inputs follow stays.
 */

import { FormatError } from '../../primitives/format-error.ts'
import { printable } from '../../primitives/printable.ts'
import { isList } from '../json/print.ts'
import { objectOf } from '../json/shape.ts'
import type { JsonObject } from '../json/strict.ts'
import { type FlakeLock, type LockNode, nodeAt } from './flake-lock.ts'
import { isPath, printFlakeLock, type WrittenNode } from './print-flake-lock.ts'

/** Inputs of the old lock that are compared with those of the new one. */
const STEP_LIMIT = 1_000_000

/** What changes. */
export interface Relocking {
  /** The names of the inputs that lead to the one that changes. */
  readonly path: readonly string[]
  readonly locked: JsonObject
  /**
   * The flake.lock of its new commit; absent if it has none, or is not a flake. `kept`: its inputs
   * stay as they are, for the commit does.
   */
  readonly inner: FlakeLock | 'kept' | undefined
}

/** The text of the new lock. Throws FormatError if the input is absent. */
export function relock(lock: FlakeLock, { path, locked, inner }: Relocking): string {
  const written = new Map<LockNode, WrittenNode>()
  const root = copyOf(written, { lock, prefix: [] }, lock.root)
  const changed = copyOf(written, { lock, prefix: [] }, nodeAt(lock, path))
  changed.fields = new Map([...changed.fields, ['locked', locked] as const])
  if (inner === 'kept') return printFlakeLock(root, lock.version)
  const inputs =
    inner === undefined ? new Map() : copyOf(written, { lock: inner, prefix: path }, inner.root).inputs
  keepOverrides(changed.inputs, inputs, path)
  changed.inputs.clear()
  for (const [name, edge] of inputs) changed.inputs.set(name, edge)
  return printFlakeLock(root, lock.version)
}

/** The text of a lock that does not change, as Nix writes it. */
export function printUnchanged(lock: FlakeLock): string {
  return printFlakeLock(copyOf(new Map(), { lock, prefix: [] }, lock.root), lock.version)
}

/** A lock, and where its root stands in the lock that is written. */
interface Origin {
  readonly lock: FlakeLock
  readonly prefix: readonly string[]
}

function copyOf(written: Map<LockNode, WrittenNode>, from: Origin, node: LockNode): WrittenNode {
  const known = written.get(node)
  if (known !== undefined) return known
  const made: WrittenNode = { fields: fieldsOf(node, from.prefix), inputs: new Map() }
  written.set(node, made)
  for (const [name, edge] of node.inputs) {
    if ('follows' in edge) made.inputs.set(name, [...from.prefix, ...edge.follows])
    else {
      const target = from.lock.nodes.get(edge.node)
      if (target !== undefined) made.inputs.set(name, copyOf(written, from, target))
    }
  }
  return made
}

/** `parent` is a path from the root, as what is followed. */
function fieldsOf({ written }: LockNode, prefix: readonly string[]): JsonObject {
  const fields = new Map([...objectOf(written)].filter(([name]) => name !== 'inputs'))
  const parent = fields.get('parent')
  if (parent !== undefined && isList(parent)) fields.set('parent', [...prefix, ...parent])
  return fields
}

type Edges = Map<string, WrittenNode | readonly string[]>

/**
 * What follows something outside of the input does so because the flake around it says so. Nodes
 * that are met again in the place of the same old one are not gone through again.
 */
function keepOverrides(old: Edges, next: Edges, path: readonly string[]): void {
  const met = new Map<Edges, Set<Edges>>()
  let steps = 0
  const keep = (before: Edges, after: Edges): void => {
    const known = met.get(before) ?? new Set()
    if (known.has(after)) return
    met.set(before, known.add(after))
    for (const [name, edge] of before) {
      if (++steps > STEP_LIMIT) {
        throw new FormatError(
          'flake.lock',
          `more than ${STEP_LIMIT} inputs to compare`,
          printable(path.join('/'), 100),
        )
      }
      const now = after.get(name)
      if (now === undefined) continue
      if (isPath(edge)) {
        if (!path.every((step, index) => edge[index] === step)) after.set(name, edge)
      } else if (!isPath(now)) keep(edge.inputs, now.inputs)
    }
  }
  keep(old, next)
}
