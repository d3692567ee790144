/**
 * A flake.lock with one input at another commit. What the new commit's own flake.lock pins takes
 * the place of what the old one's did, as when Nix locks it: only what the flake itself makes its
 * inputs follow stays.
 */
import { objectOf } from '../json/shape.ts'
import type { JsonObject } from '../json/strict.ts'
import { type FlakeLock, type LockNode, nodeAt } from './flake-lock.ts'
import { printFlakeLock, type WrittenNode } from './print-flake-lock.ts'

/** What changes. */
export interface Relocking {
  /** The names of the inputs that lead to the one that changes. */
  readonly path: readonly string[]
  readonly locked: JsonObject
  /** The flake.lock of its new commit; absent if it has none, or is not a flake. */
  readonly inner: FlakeLock | undefined
}

/** The text of the new lock. Throws FormatError. */
export function relock(lock: FlakeLock, { path, locked, inner }: Relocking): string {
  const written = new Map<LockNode, WrittenNode>()
  const copy = (from: FlakeLock, node: LockNode, prefix: readonly string[]): WrittenNode => {
    const known = written.get(node)
    if (known !== undefined) return known
    const fields = new Map([...objectOf(node.written)].filter(([name]) => name !== 'inputs'))
    const made: WrittenNode = { fields, inputs: new Map() }
    written.set(node, made)
    for (const [name, edge] of node.inputs) {
      if ('follows' in edge) made.inputs.set(name, [...prefix, ...edge.follows])
      else made.inputs.set(name, copy(from, nodeAt(from, pathTo(from, edge.node)), prefix))
    }
    return made
  }
  const target = nodeAt(lock, path)
  const root = copy(lock, lock.root, [])
  const changed = written.get(target)
  if (changed === undefined) return printFlakeLock(root, lock.version)
  const fields = new Map([...changed.fields, ['locked', locked] as const])
  const next: WrittenNode = {
    fields,
    inputs: inner === undefined ? new Map() : new Map(copy(inner, inner.root, path).inputs),
  }
  keepOverrides(changed, next, path)
  Object.assign(changed, next)
  return printFlakeLock(root, lock.version)
}

/** What follows something outside of the input does so because the flake around it says so. */
function keepOverrides(old: WrittenNode, next: WrittenNode, path: readonly string[]): void {
  for (const [name, edge] of old.inputs) {
    const now = next.inputs.get(name)
    if (Array.isArray(edge)) {
      const isInside = path.every((step, index) => edge[index] === step)
      if (!isInside && now !== undefined) next.inputs.set(name, edge)
    } else if (now !== undefined && !Array.isArray(now)) {
      keepOverrides(edge as WrittenNode, now as WrittenNode, path)
    }
  }
}

/** Any path to a node that is known by its key. */
function pathTo(lock: FlakeLock, key: string): readonly string[] {
  const seen = new Set<LockNode>()
  const search = (node: LockNode, path: readonly string[]): readonly string[] | undefined => {
    if (node.key === key) return path
    if (seen.has(node)) return undefined
    seen.add(node)
    for (const [name, edge] of node.inputs) {
      const next = 'node' in edge ? lock.nodes.get(edge.node) : undefined
      const found = next && search(next, [...path, name])
      if (found !== undefined) return found
    }
    return undefined
  }
  return search(lock.root, []) ?? []
}
