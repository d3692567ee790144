import { malformed } from '../json/shape.ts'
import { type FlakeLock, type LockNode, nodeAt } from './flake-lock.ts'
import type { Around } from './locked-input.ts'

const DEPTH_LIMIT = 64

/**
 * Where the relative paths of a lock lead, by their nodes. A path is relative to the directory of
 * the flake whose input it is, and `..` may lead to other directories of the same tree. Throws
 * FormatError if inputs are relative to each other in a circle, or more than 64 deep.
 */
export function aroundOf(lock: FlakeLock): ReadonlyMap<LockNode, Around> {
  const known = new Map<LockNode, { readonly around: Around; readonly depth: number }>()
  const find = (node: LockNode, above: number): { readonly around: Around; readonly depth: number } => {
    const { pin } = node
    if (pin === undefined) return { around: { place: [] }, depth: 0 }
    if (pin.kind === 'odd') return { around: { pin, place: [] }, depth: 0 }
    if (pin.kind !== 'inside') return { around: { pin, place: pin.dir?.split('/') ?? [] }, depth: 0 }
    const found = known.get(node)
    if (above + (found?.depth ?? 0) > DEPTH_LIMIT) {
      throw malformed(node.written, `is relative to itself, or to inputs more than ${DEPTH_LIMIT} deep`)
    }
    if (found !== undefined) return found
    const { around, depth } = find(nodeAt(lock, pin.of), above + 1)
    const place = around.place && joined(around.place, pin.directory, around.pin === undefined)
    const made = {
      around: { ...(around.pin && { pin: around.pin }), ...(place && { place }) },
      depth: depth + 1,
    }
    known.set(node, made)
    return made
  }
  for (const node of lock.nodes.values()) find(node, 0)
  return new Map([...known].map(([node, { around }]) => [node, around]))
}

/**
 * Undefined if the path leaves the tree. `isAround`: it is not known where in the tree around it
 * the lock lies.
 */
function joined(place: readonly string[], path: string, isAround: boolean): readonly string[] | undefined {
  const names = [...place]
  for (const name of path.split('/')) {
    if (name === '' || name === '.') continue
    const last = names.at(-1)
    if (name !== '..') names.push(name)
    else if (last !== undefined && last !== '..') names.pop()
    else if (isAround && names.length < DEPTH_LIMIT) names.push(name)
    else return undefined
  }
  return names
}
