/** Makes a world from a plan. */

import type { ContentAddress } from '../../../src/formats/nix/content-address.ts'
import { derivationReferences } from '../../../src/formats/nix/derivation.ts'
import { fixedOutputPath, textPath } from '../../../src/formats/nix/make-store-path.ts'
import { narOfBytes } from '../../../src/formats/nix/nar.ts'
import { toHex } from '../../../src/primitives/hex.ts'
import { sha256 } from '../../../src/primitives/sodium.ts'
import { bytesOf } from './contents.ts'
import { buildDerivation, type Earlier, fetchDerivation, hashOf, type MadeDerivation } from './derivations.ts'
import { addValid, attest, comesIn, type Draft, type Item, keep, offer, openDraft } from './draft.ts'
import type { BuildNode, FetchNode, LocalNode, Node, Plan } from './plan.ts'
import { policyText } from './policy.ts'
import { ATTESTATIONS, type World } from './world.ts'

/** The results of one node. */
interface MadeNode {
  readonly items: readonly Item[]
  readonly derivation?: MadeDerivation
}

/** Makes a world; `more` may add things that are not in the plan. */
export function makeWorld(plan: Plan, more?: (draft: Draft, made: readonly MadeNode[]) => void): World {
  const { nodes } = plan
  const made: MadeNode[] = []
  const hashes = new Map<string, string>()
  const earlier: Earlier = {
    derived: node => made[node]?.derivation,
    path: node => pathOf(made[node]),
    modulo: path => hashes.get(path) ?? '',
  }
  const { validFiles, validDerivations } = neededBy(nodes)
  const draft = openDraft()
  for (const [index, node] of nodes.entries()) {
    const name = nameOf(index)
    if (node.kind === 'local') {
      made.push({ items: [localItem(node, index, earlier)] })
      continue
    }
    const derivation =
      node.kind === 'fetch' ? fetchDerivation(node, name, earlier) : buildDerivation(node, name, earlier)
    hashes.set(derivation.path, hashOf(derivation, earlier.modulo))
    made.push({
      derivation,
      items:
        node.kind === 'fetch'
          ? [fetchedItem(node, index, derivation)]
          : builtItems(node, index, derivation, draft, earlier),
    })
    const isValid = validDerivations.has(index)
    addDerivation(draft, node, { name: `${index}.drv`, derivation }, isValid)
    // An output refers to paths that are in the store, so these must be known before the next
    // output is made.
    addItems(draft, node, made[index]?.items ?? [], node.isHere)
  }
  for (const [index, node] of nodes.entries()) {
    if (node.kind === 'local') addItems(draft, node, made[index]?.items ?? [], validFiles.has(index))
  }
  more?.(draft, made)
  return { ...draft, policy: policyText(plan.policy, ATTESTATIONS) }
}

/** The name part of a node's store path. */
export function nameOf(index: number): string {
  return `n${index}`
}

/** Nix keeps everything that a valid path refers to. */
function neededBy(nodes: readonly Node[]) {
  const validFiles = new Set<number>()
  const validDerivations = new Set<number>()
  for (const index of [...nodes.keys()].reverse()) {
    const node = nodes[index]
    if (node === undefined) continue
    if (node.kind === 'local') {
      if (node.isHere) validFiles.add(index)
      if (validFiles.has(index)) for (const reference of node.references) validFiles.add(reference)
      continue
    }
    if (!node.isGone) validDerivations.add(index)
    const isRefered = node.kind === 'build' && node.isHere && node.refers
    for (const input of node.inputs) {
      const isFile = nodes[input]?.kind === 'local'
      if (validDerivations.has(index)) (isFile ? validFiles : validDerivations).add(input)
      if (isRefered && isFile) validFiles.add(input)
    }
  }
  return { validFiles, validDerivations }
}

function localItem(node: LocalNode, index: number, earlier: Earlier): Item {
  const bytes = bytesOf(node.content)
  const name = nameOf(index)
  const references = [...new Set(node.references.map(earlier.path))].sort()
  const file = {
    bytes: Buffer.concat([bytes, ...references.map(path => Buffer.from(`${path}\n`))]),
    isExecutable: node.isExecutable,
  }
  const isText = references.length > 0 && !node.isExecutable
  const address: ContentAddress = isText
    ? { method: 'text', algorithm: 'sha256', hash: toHex(sha256(file.bytes)) }
    : {
        method: 'recursive',
        algorithm: 'sha256',
        hash: toHex(sha256(narOfBytes(file.bytes, file.isExecutable))),
      }
  const path = isText
    ? textPath(name, file.bytes, references)
    : fixedOutputPath({ name, ...address, references })
  return { name: `${index}`, path, file, references, address }
}

function fetchedItem(
  node: FetchNode,
  index: number,
  { path: deriver, derivation, outputs }: MadeDerivation,
): Item {
  const [output] = derivation.outputs
  if (output?.kind !== 'fixed') throw new RangeError('not a fixed output')
  const { method, algorithm, hash } = output
  const file = { bytes: bytesOf(node.content), isExecutable: node.isExecutable }
  return {
    name: `${index}`,
    path: outputs.get('out') ?? '',
    file,
    references: [],
    address: { method, algorithm, hash },
    deriver,
  }
}

function builtItems(
  node: BuildNode,
  index: number,
  made: MadeDerivation,
  draft: Draft,
  earlier: Earlier,
): readonly Item[] {
  return node.outputs.map(output => {
    const path = made.outputs.get(output) ?? ''
    const inputs = node.inputs.filter(
      input => earlier.derived(input) === undefined || draft.infos.has(earlier.path(input)),
    )
    const references = node.refers ? [...new Set(inputs.map(earlier.path))].sort() : []
    const bytes = Buffer.from([`${nameOf(index)} ${output}`, ...references, ''].join('\n'))
    return {
      name: output === 'out' ? `${index}` : `${index}-${output}`,
      path,
      file: { bytes, isExecutable: false },
      references,
      deriver: made.path,
    }
  })
}

function addItems(draft: Draft, node: Node, items: readonly Item[], isHere: boolean): void {
  const { said, offered, hasDeriver } = node
  for (const item of items) {
    draft.paths.push({ name: item.name, path: item.path })
    const more = node.kind === 'build' ? { signedBy: node.signedBy, isOurs: node.isOurs } : {}
    if (isHere) addValid(draft, item, { ...more, hasDeriver })
    attest(draft, item, said)
    if (node.kept !== undefined) keep(draft, item.path, node.kept)
    offer(draft, item, offered)
    comesIn(draft, item, hasDeriver)
  }
}

/** Adds a derivation to a world, and the questions about it. */
function addDerivation(
  draft: Draft,
  { saidOfDerivation }: Pick<FetchNode, 'saidOfDerivation'>,
  { name, derivation }: { readonly name: string; readonly derivation: MadeDerivation },
  isValid: boolean,
): void {
  const item = itemOf(name, derivation)
  const { path } = item
  attest(draft, item, saidOfDerivation)
  draft.paths.push({ name, path })
  if (!isValid) return
  register(draft, derivation)
  draft.derivations.push({ name, path })
}

/** Makes a derivation valid and registers its outputs, as Nix does. */
export function register(draft: Draft, derivation: MadeDerivation): void {
  addValid(draft, itemOf('', derivation))
  draft.outputs.set(derivation.path, derivation.outputs)
}

function itemOf(name: string, { path, text, derivation }: MadeDerivation): Item {
  const address = { method: 'text', algorithm: 'sha256', hash: toHex(sha256(text)) } as const
  const file = { bytes: text, isExecutable: false }
  return { name, path, file, references: derivationReferences(derivation), address }
}

function pathOf(made: MadeNode | undefined): string {
  const items = made?.items ?? []
  return (items.find(({ name }) => !name.includes('-')) ?? items[0])?.path ?? ''
}

export type { MadeNode }
