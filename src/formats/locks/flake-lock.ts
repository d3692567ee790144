/**
 * flake.lock, versions 5 to 7 (Nix manual, "nix flake", "Lock files"): a graph of nodes. An input
 * is a node by its name, or follows another input by the path to it from the root.
 */

import { printable } from '../../primitives/printable.ts'
import { linesOfKeys } from '../json/positions.ts'
import { isList, jsonObject } from '../json/print.ts'
import { fields, type JsonNode, listOf, malformed, objectOf, rootNode, stringOf } from '../json/shape.ts'
import { decodeUtf8, parseStrictJson } from '../json/strict.ts'
import { targetsOf, walk } from './lock-edges.ts'
import type { Edge, LockNode } from './lock-node.ts'
import type { Pin } from './locked-input.ts'
import { readLockedRef } from './locked-ref.ts'
import { knownOfRef, pinOrOdd } from './odd-pin.ts'

const SIZE_LIMIT = 16 * 1024 * 1024
const NODE_LIMIT = 10_000
const DEPTH_LIMIT = 64

export type { Edge, LockNode } from './lock-node.ts'

/** A flake.lock. All edges lead somewhere, and none in a circle. */
export interface FlakeLock {
  readonly version: 5 | 6 | 7
  readonly root: LockNode
  readonly nodes: ReadonlyMap<string, LockNode>
  /** The node to which each input leads. */
  readonly targets: ReadonlyMap<Edge, LockNode>
}

/** Reads a flake.lock. Throws FormatError. */
export function parseFlakeLock(bytes: Uint8Array): FlakeLock {
  const text = decodeUtf8(bytes, 'flake.lock')
  const value = parseStrictJson(text, { length: SIZE_LIMIT, depth: 16, values: 100 * NODE_LIMIT })
  const whole = rootNode('flake.lock', value)
  const top = fields(whole, { required: ['nodes', 'root', 'version'], optional: [], others: 'refuse' })
  const version = versionOf(top.version)
  const lines = linesOfKeys(text, ['nodes'])
  const nodes = new Map<string, LockNode>()
  for (const [key, node] of objectOf(top.nodes)) {
    if (nodes.size >= NODE_LIMIT) throw malformed(top.nodes, `more than ${NODE_LIMIT} nodes`)
    const place = { format: 'flake.lock', where: `nodes.${shown(key)}`, value: node }
    const isRoot = key === top.root.value
    nodes.set(key, readNode(place, { key, line: lines.get(key) ?? 1, version, isRoot }))
  }
  const root = nodes.get(stringOf(top.root))
  if (root === undefined) throw malformed(top.root, 'names no node')
  const lock = { version, root, nodes, targets: targetsOf({ root, nodes }) }
  for (const { pin } of nodes.values()) if (pin?.kind === 'inside') nodeAt(lock, pin.of)
  return lock
}

/**
 * The node to which an input leads, by its path from the root. Throws FormatError if the input is
 * absent.
 */
export function nodeAt({ root, targets }: FlakeLock, path: readonly string[]): LockNode {
  // Each edge of a lock that was read has its target.
  return walk(root, path, (edge, from) => targets.get(edge) ?? from)
}

function versionOf(node: JsonNode): FlakeLock['version'] {
  const { value } = node
  if (value === 5 || value === 6 || value === 7) return value
  throw malformed(node, 'must be 5, 6 or 7')
}

function readNode(
  place: JsonNode,
  {
    key,
    line,
    version,
    isRoot,
  }: { key: string; line: number; version: FlakeLock['version']; isRoot: boolean },
): LockNode {
  const node = objectOf(place)
  const inputs = new Map<string, Edge>()
  const edges = node.get('inputs')
  if (edges !== undefined) {
    const where = `${place.where}.inputs`
    for (const [name, value] of objectOf({ ...place, where, value: edges })) {
      inputs.set(name, readEdge({ ...place, where: `${where}.${shown(name)}`, value }))
    }
  }
  const base = { key, line, inputs, written: place }
  if (!isRoot) {
    const locked = { ...place, value: node.get('locked') ?? null }
    const read = () => readPin(place, version)
    // In version 5, "info" may say something else.
    return { ...base, pin: version === 5 ? pinOrOdd(read) : pinOrOdd(read, () => knownOfRef(locked)) }
  }
  const { locked } = fields(place, { required: [], optional: NODE_FIELDS, others: 'refuse' })
  if (locked !== undefined) throw malformed(place, 'is the root, and is locked to something')
  return base
}

const NODE_FIELDS = ['inputs', 'locked', 'original', 'flake', 'parent'] as const

/** What a node other than the root is locked to. */
function readPin(place: JsonNode, version: FlakeLock['version']): Pin {
  const optional = [...NODE_FIELDS, ...(version === 5 ? (['info'] as const) : [])]
  const found = fields(place, { required: ['locked', 'original'], optional, others: 'refuse' })
  objectOf(found.original)
  if (found.flake !== undefined && typeof found.flake.value !== 'boolean') {
    throw malformed(found.flake, 'must be true or false')
  }
  const pin = readLockedRef(found.info ? joined(found.locked, found.info) : found.locked)
  return pin.kind === 'inside' ? { ...pin, of: parentOf(place, found.parent) } : pin
}

/** In version 5, some attributes stand in `info`, which comes before `locked` to Nix. */
function joined(locked: JsonNode, info: JsonNode): JsonNode {
  const attributes = objectOf(locked)
  for (const [name, value] of objectOf(info)) {
    if (attributes.has(name) && attributes.get(name) !== value) {
      throw malformed(info, `"${shown(name)}" is not what "locked" says`)
    }
  }
  return { ...locked, value: jsonObject([...attributes, ...objectOf(info)]) }
}

function readEdge(node: JsonNode): Edge {
  if (!isList(node.value)) return { node: stringOf(node) }
  return { follows: listOf(node, DEPTH_LIMIT).map(stringOf) }
}

/** The input to which a relative path belongs. */
function parentOf(place: JsonNode, parent: JsonNode | undefined): readonly string[] {
  if (parent === undefined) throw malformed(place, 'is locked to a relative path, and does not say of what')
  return listOf(parent, DEPTH_LIMIT).map(stringOf)
}

/** The path of an input as people read it, escaped: `inputs.a.inputs.b`. */
export function inputPath(names: readonly string[]): string {
  return names.map(name => `inputs.${shown(name)}`).join('.')
}

function shown(name: string): string {
  return printable(name, 60)
}
