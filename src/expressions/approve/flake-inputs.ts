/** The inputs of a flake in the store, as its `outputs` function gets them. */

import { isObject } from '../../formats/json/print.ts'
import { objectOf } from '../../formats/json/shape.ts'
import type { JsonObject } from '../../formats/json/strict.ts'
import { inputsOf } from '../../formats/locks/flake-inputs.ts'
import { type FlakeLock, type LockNode, nodeAt } from '../../formats/locks/flake-lock.ts'
import type { GitPin, LockedInput, OtherPin } from '../../formats/locks/locked-input.ts'
import { sourcePath } from '../../formats/nix/make-store-path.ts'
import { printable } from '../../primitives/printable.ts'
import { narHashOfTree } from '../../store/disk-tree-nar.ts'
import { ExpressionError } from '../expression-error.ts'
import type { InputVerdict } from '../lock/input-verdict.ts'
import { openRepositories, type Repositories, type RepositoryPlaces } from '../lock/repositories.ts'
import type { FlakeInput, FlakeInputs, TreeInStore } from './expression.ts'
import { treeInStore } from './verified-tree.ts'

/** What is known of the inputs after they were verified. */
export interface VerifiedLock {
  /** The tree around the lock. */
  readonly tree: TreeInStore
  readonly verdicts: readonly InputVerdict[]
  readonly places: RepositoryPlaces
  /** An empty directory of this process. */
  readonly scratch: string
}

/**
 * Brings the trees of all inputs into the store, each with the NAR hash that was verified. A
 * relative path is a part of the tree that it belongs to. Rejects with ExpressionError for inputs
 * that a rule lets stand without a hash, and if the files of one cannot be had.
 */
export async function flakeInputs(lock: FlakeLock, verified: VerifiedLock): Promise<FlakeInputs> {
  const inputs = new Map<unknown, LockedInput>(inputsOf(lock).map(input => [input.pin, input]))
  const repositories = openRepositories(verified.places)
  const all: Record<string, FlakeInput> = {}
  try {
    for (const node of lock.nodes.values()) {
      const input = inputs.get(node.pin)
      // A node that nothing leads to is not an input.
      if (node === lock.root || input === undefined) continue
      all[node.key] = await inputOf(lock, node, { ...verified, input, inputs, repositories })
    }
    return { all, own: usesOf(lock, lock.root) }
  } finally {
    await repositories.close()
  }
}

interface Means extends VerifiedLock {
  readonly input: LockedInput
  /** All of them, by their pins. */
  readonly inputs: ReadonlyMap<unknown, LockedInput>
  readonly repositories: Repositories
}

async function inputOf(lock: FlakeLock, node: LockNode, means: Means): Promise<FlakeInput> {
  const { pin, written } = node
  const isFlake = objectOf(written).get('flake') !== false
  const inputs = usesOf(lock, node)
  if (pin?.kind === 'odd') throw new ExpressionError('lock', `${nameOf(means)} cannot be read`)
  if (pin !== undefined && pin.kind !== 'inside') {
    return { ...(await treeOf(node, pin, means)), isFlake, directory: pin.dir ?? '', inputs }
  }
  const { around } = means.input
  const owner = around?.pin
  if (around?.place === undefined) throw new ExpressionError('lock', `${nameOf(means)} leaves its tree`)
  const holder = [...lock.nodes.values()].find(each => owner !== undefined && each.pin === owner)
  const input = means.inputs.get(owner)
  if (owner?.kind === 'odd')
    throw new ExpressionError('lock', `${nameOf(means)} is in a tree that cannot be read`)
  const tree = owner && holder && input ? await treeOf(holder, owner, { ...means, input }) : means.tree
  return { ...tree, isFlake, directory: '', place: wayTo(lock, node), inputs }
}

/**
 * The way from the top of the tree to a part of it, as Nix spells it: it joins what the lock says,
 * and leaves `.` and `..` in. Derivations that name the path depend on the spelling.
 */
function wayTo(lock: FlakeLock, { pin }: LockNode): string {
  if (pin === undefined || pin.kind === 'odd') return ''
  if (pin.kind !== 'inside') return pin.dir === undefined ? '' : `/${pin.dir}`
  const way = wayTo(lock, nodeAt(lock, pin.of))
  return pin.directory === '' ? way : `${way}/${pin.directory}`
}

function nameOf({ input }: Means): string {
  return printable(input.path, 100)
}

/** The tree that a node is locked to, in the store. */
async function treeOf({ written }: LockNode, pin: GitPin | OtherPin, means: Means): Promise<TreeInStore> {
  if (pin.narHash === undefined) {
    throw new ExpressionError('lock', `${nameOf(means)} has no NAR hash in the lock: nix flake lock adds it`)
  }
  const storePath = await inStore(pin.narHash, pin.kind === 'git' ? pin : undefined, means)
  const attributes = attributesOf(written.value)
  const { revCount, lastModified } = attributes
  return {
    storePath,
    narHash: pin.narHash,
    ...(pin.kind === 'git' && pin.commit !== undefined ? { commit: pin.commit } : {}),
    committed: typeof lastModified === 'number' ? lastModified : 0,
    ...(typeof revCount === 'number' ? { revCount } : {}),
    ...(attributes['type'] === 'git' && pin.kind === 'git' ? { submodules: pin.submodules } : {}),
  }
}

/**
 * The store path of the files. If they are not in the store, they are written out of the repository
 * in which they were verified.
 */
async function inStore(narHash: string, pin: GitPin | undefined, means: Means): Promise<string> {
  const path = sourcePath({ name: 'source', narHash })
  const found = await narHashOfTree(path).then(
    summary => summary.narHash,
    () => undefined,
  )
  if (found === narHash) return path
  const verdict = means.verdicts.find(
    ({ file, input }) => file === 'flake.lock' && input === means.input.path,
  )
  const revision = verdict?.revision?.revision
  if (pin?.commit === undefined || revision === undefined || verdict?.checkout !== 'raw') {
    throw new ExpressionError(
      'lock',
      `the files of ${nameOf(means)} are not in the store: nix flake archive fetches them`,
    )
  }
  const repository = await means.repositories.holding(pin.url, pin.from, pin.commit)
  const objects = await repository.examined(pin.commit)
  return treeInStore(objects, { tree: revision.tree, narHash }, means.scratch)
}

/** What the lock says besides the commit and the hash. Version 5 has it in `info`. */
function attributesOf(node: unknown): Readonly<Record<string, unknown>> {
  const fields = isObject(node as JsonObject) ? (node as JsonObject) : new Map()
  const parts = ['locked', 'info'].map(name => fields.get(name)).filter(isObject)
  return Object.fromEntries(parts.flatMap(part => [...part]))
}

/** The keys of the nodes to which the inputs of a node lead, by their names. */
function usesOf(lock: FlakeLock, node: LockNode): Readonly<Record<string, string>> {
  const uses = [...node.inputs].map(([name, edge]) => {
    const key = 'node' in edge ? edge.node : nodeAt(lock, edge.follows).key
    return [name, key] as const
  })
  return Object.fromEntries(uses)
}
