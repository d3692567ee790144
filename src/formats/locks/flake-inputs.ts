import { aroundOf } from './around.ts'
import { type FlakeLock, inputPath, type LockNode } from './flake-lock.ts'
import type { LockedInput } from './locked-input.ts'

/**
 * All inputs of a flake.lock, directly and through other inputs, each node once, by the shortest
 * path to it. Inputs that follow others are those others. Throws FormatError for relative paths
 * that lead in a circle.
 */
export function inputsOf(lock: FlakeLock): readonly LockedInput[] {
  const around = aroundOf(lock)
  const inputs: LockedInput[] = []
  const seen = new Set<LockNode>()
  let level: readonly { readonly node: LockNode; readonly path: readonly string[] }[] = [
    { node: lock.root, path: [] },
  ]
  while (level.length > 0) {
    const next: { node: LockNode; path: readonly string[] }[] = []
    for (const { node, path } of level) {
      const place = around.get(node)
      if (node.pin !== undefined) {
        const input = { path: inputPath(path), names: path, line: node.line, pin: node.pin }
        inputs.push(place === undefined ? input : { ...input, around: place })
      }
      for (const [name, edge] of node.inputs) {
        const target = 'node' in edge ? lock.nodes.get(edge.node) : undefined
        if (target === undefined || seen.has(target)) continue
        seen.add(target)
        next.push({ node: target, path: [...path, name] })
      }
    }
    level = next
  }
  return inputs
}
