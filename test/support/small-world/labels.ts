/** Small worlds in which derivations get further labels, which name signatures. */
import { isSignatureOrList, signs } from './contents.ts'
import type { Decisions } from './decisions.ts'
import type { Draft } from './draft.ts'
import { type MadeNode, makeWorld } from './make.ts'
import {
  type BuildNode,
  type FetchNode,
  type Label,
  type Labels,
  type Node,
  type Plan,
  type Said,
  someLabels,
} from './plan.ts'
import { addVariant, type Variant } from './variants.ts'
import type { World } from './world.ts'

/** A world before and after: `variants` are in both; their labels only in the second. */
export interface Labelled {
  readonly before: Plan
  readonly after: Plan
  readonly variants: readonly Variant[]
}

/** The same world with labels on derivations that had none. */
export function withLabels(decisions: Decisions, plan: Plan): Labelled {
  const bare = plan.nodes.flatMap((node, index) =>
    node.kind !== 'local' && node.labels === undefined ? [index] : [],
  )
  const chosen = new Set(bare.filter(() => decisions.oneIn(2)))
  const [last] = bare.slice(-1)
  if (chosen.size === 0 && last !== undefined) chosen.add(last)
  const nodes = plan.nodes.map((node, index) => {
    if (node.kind === 'local' || !chosen.has(index)) return node
    return { ...node, labels: someLabels(decisions, plan.nodes.slice(0, index), node.inputs) }
  })
  const variants = plan.nodes.flatMap((node, of): readonly Variant[] => {
    if (node.kind !== 'fetch' || !decisions.oneIn(4)) return []
    const labels = someLabels(decisions, plan.nodes.slice(0, of), [])
    return [{ of, node, url: 1 + decisions.below(200), labels }]
  })
  return { before: plan, after: { ...plan, nodes }, variants }
}

/** Makes both worlds. */
export function makeBoth({ before, after, variants }: Labelled): readonly [before: World, after: World] {
  const bare = variants.map(({ labels: _, ...variant }) => variant)
  const adding = (list: readonly Variant[]) => (draft: Draft, made: readonly MadeNode[]) => {
    for (const variant of list) addVariant(draft, made, variant)
  }
  return [makeWorld(before, adding(bare)), makeWorld(after, adding(variants))]
}

/**
 * The most that labels may achieve: the world without the new labels, in which each valid signature
 * that they name is given as an attestation by the same person, and no derivation has the
 * signatures that it names as inputs.
 */
export function mostEarned({ before, after, variants }: Labelled): World {
  const words = new Map<number, Said[]>()
  const count = (of: number, { records }: Labels) => {
    for (const record of records) {
      const by = signerOf(after.nodes, of, record)
      const subject = record.subject === 'out' ? of : record.subject
      if (by !== undefined)
        words.set(subject, [
          ...(words.get(subject) ?? []),
          { by, word: 'released', wrong: false, isBare: true },
        ])
    }
  }
  const nodes = before.nodes.map((node, index): Node => {
    const labels = newLabels(node, after.nodes[index])
    if (labels === undefined || node.kind === 'local') return node
    count(index, labels)
    const without = partsOf(labels, node, after.nodes)
    // An output cannot refer to something that is not an input.
    return node.kind === 'build' && without.length > 0
      ? { ...node, without, refers: false }
      : { ...node, without }
  })
  for (const { of, labels } of variants) if (labels !== undefined) count(of, labels)
  const heard = nodes.map((node, index) => ({ ...node, said: [...node.said, ...(words.get(index) ?? [])] }))
  const [world] = makeBoth({ before: { ...before, nodes: heard }, after, variants })
  return world
}

function newLabels(before: Node, after: Node | undefined): Labels | undefined {
  if (before.kind === 'local' || after === undefined || after.kind === 'local') return undefined
  return after.labels === before.labels ? undefined : after.labels
}

/**
 * Whether a node is a signature or a list and a label names it as one; then it may be in the store
 * as that.
 */
export function isNamedPart({ after, variants }: Labelled, index: number): boolean {
  const labels = [...after.nodes, ...variants].flatMap(one =>
    'labels' in one && one.labels ? [one.labels] : [],
  )
  const content = plainFile(after.nodes[index])
  return content !== undefined && isSignatureOrList(content) && labels.some(one => namedIn(one).has(index))
}

/**
 * Whether a label says that what is fetched is a signature or has one; then it is only judged once
 * it is there.
 */
export function isPutOff({ labels }: FetchNode): boolean {
  return labels !== undefined && (labels.role || labels.records.some(({ subject }) => subject === 'out'))
}

/** Who made a valid signature that a label names; undefined if it is not one. */
function signerOf(
  nodes: readonly Node[],
  index: number,
  { subject, signature, checksums }: Label,
): Said['by'] | undefined {
  const file = plainFile(nodes[subject === 'out' ? index : subject])
  const signed = plainFile(nodes[signature])
  const list = checksums === undefined ? undefined : plainFile(nodes[checksums])
  if (file === undefined || signed?.kind !== 'signature' || (checksums !== undefined && list === undefined))
    return undefined
  return signs(signed, file, list) ? signed.by : undefined
}

/** The inputs that a derivation names as signatures or lists and that are such. */
function partsOf(
  labels: Labels,
  { inputs }: BuildNode | FetchNode,
  nodes: readonly Node[],
): readonly number[] {
  const named = namedIn(labels)
  return inputs.filter(input => {
    const content = plainFile(nodes[input])
    return named.has(input) && content !== undefined && isSignatureOrList(content)
  })
}

function namedIn({ records }: Labels): ReadonlySet<number> {
  return new Set(
    records.flatMap(({ signature, checksums }) => [
      signature,
      ...(checksums === undefined ? [] : [checksums]),
    ]),
  )
}

/** The content of a node if it is a plain, non-executable file without references. */
function plainFile(node: Node | undefined) {
  if (node === undefined || node.kind === 'build' || node.isExecutable) return undefined
  return node.kind === 'local' && node.references.length > 0 ? undefined : node.content
}
