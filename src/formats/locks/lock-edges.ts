/**
 * Where the inputs of a flake.lock lead. Each input is resolved once, so that the work is bounded
 * by the size of the lock, whatever follows what.
 */
import { printable } from '../../primitives/printable.ts'
import { malformed } from '../json/shape.ts'
import type { Edge, LockNode } from './lock-node.ts'

const DEPTH_LIMIT = 64
const FOLLOW_LIMIT = 64

/** The nodes of a lock, before it is known where their inputs lead. */
interface Graph {
  readonly root: LockNode
  readonly nodes: ReadonlyMap<string, LockNode>
}

/**
 * The node to which each input of each node leads. Throws FormatError if one leads nowhere, or in a
 * circle, or if inputs are nested, or follow each other, more than 64 deep.
 */
export function targetsOf(graph: Graph): ReadonlyMap<Edge, LockNode> {
  const targets = followed(graph)
  assertNested(graph, targets)
  return targets
}

/**
 * The node at a path from the root. `step` says where an input leads. Throws FormatError if the
 * path leads nowhere.
 */
export function walk(
  root: LockNode,
  path: readonly string[],
  step: (edge: Edge, from: LockNode) => LockNode,
): LockNode {
  let at = root
  for (const name of path) {
    const edge = at.inputs.get(name)
    if (edge === undefined)
      throw malformed(at.written, `follows "${printable(path.join('/'), 60)}", which leads nowhere`)
    at = step(edge, at)
  }
  return at
}

/** What is known of an input: how many others it goes through, at most one after the other. */
interface Followed {
  readonly target: LockNode
  readonly depth: number
}

function followed(graph: Graph): ReadonlyMap<Edge, LockNode> {
  const known = new Map<Edge, Followed>()
  const open = new Set<Edge>()
  const resolve = (edge: Edge, from: LockNode, above: number): Followed => {
    const found = known.get(edge)
    if (open.has(edge)) throw malformed(from.written, 'follows in a circle')
    if (above + (found?.depth ?? 0) > FOLLOW_LIMIT)
      throw malformed(from.written, `follows others more than ${FOLLOW_LIMIT} deep`)
    if (found !== undefined) return found
    open.add(edge)
    let depth = 0
    const target =
      'node' in edge
        ? nodeOf(graph, from, edge.node)
        : walk(graph.root, edge.follows, (next, at) => {
            const inner = resolve(next, at, above + 1)
            depth = Math.max(depth, inner.depth + 1)
            return inner.target
          })
    const resolved = { target, depth }
    open.delete(edge)
    known.set(edge, resolved)
    return resolved
  }
  for (const node of graph.nodes.values()) for (const edge of node.inputs.values()) resolve(edge, node, 0)
  return new Map([...known].map(([edge, { target }]) => [edge, target]))
}

function nodeOf({ root, nodes }: Graph, from: LockNode, key: string): LockNode {
  const node = nodes.get(key)
  if (node === undefined)
    throw malformed(from.written, `an input is the node "${printable(key, 60)}", which is absent`)
  if (node === root) throw malformed(from.written, 'an input is the root node')
  return node
}

/** No node is among its own inputs, and none is too deep. What follows others is left out. */
function assertNested({ nodes }: Graph, targets: ReadonlyMap<Edge, LockNode>): void {
  const heights = new Map<LockNode, number | 'in work'>()
  const heightOf = (node: LockNode, above: number): number => {
    const known = heights.get(node)
    if (known === 'in work') throw malformed(node.written, 'is among its own inputs')
    if (above + (known ?? 0) > DEPTH_LIMIT)
      throw malformed(node.written, `more than ${DEPTH_LIMIT} inputs deep`)
    if (known !== undefined) return known
    heights.set(node, 'in work')
    let height = 0
    for (const edge of node.inputs.values()) {
      const target = 'node' in edge ? targets.get(edge) : undefined
      if (target !== undefined) height = Math.max(height, 1 + heightOf(target, above + 1))
    }
    heights.set(node, height)
    return height
  }
  for (const node of nodes.values()) heightOf(node, 0)
}
