/** Small worlds in which derivations say more of signatures than before. */
import { isSignatureOrList, signs } from './contents.ts'
import type { Decisions } from './decisions.ts'
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

/** The same world with labels on derivations that had none. */
export function withLabels(decisions: Decisions, plan: Plan): Plan {
  const bare = plan.nodes.flatMap((node, index) =>
    node.kind !== 'local' && node.labels === undefined ? [index] : [],
  )
  const chosen = new Set(bare.filter(() => decisions.oneIn(2)))
  const [first] = bare.slice(-1)
  if (chosen.size === 0 && first !== undefined) chosen.add(first)
  const nodes = plan.nodes.map((node, index) => {
    if (node.kind === 'local' || !chosen.has(index)) return node
    return { ...node, labels: someLabels(decisions, plan.nodes.slice(0, index), node.inputs) }
  })
  return { ...plan, nodes }
}

/**
 * The most that labels may earn: the world without the new ones, in which each good signature that they name was given as an
 * attestation by the same person, and no derivation is built from the signatures that it names.
 */
export function mostEarned(before: Plan, after: Plan): Plan {
  const words = new Map<number, Said[]>()
  const nodes = before.nodes.map((node, index): Node => {
    const labelled = after.nodes[index]
    if (node.kind === 'local' || labelled === undefined || labelled.kind === 'local') return node
    if (labelled.labels === undefined || labelled.labels === node.labels) return node
    for (const record of labelled.labels.records) {
      const by = signerOf(after.nodes, index, record)
      const subject = record.subject === 'out' ? index : record.subject
      if (by !== undefined)
        words.set(subject, [...(words.get(subject) ?? []), { by, word: 'released', wrong: false }])
    }
    return { ...node, without: partsOf(labelled.labels, node, after.nodes) }
  })
  return {
    ...before,
    nodes: nodes.map((node, index) => ({ ...node, said: [...node.said, ...(words.get(index) ?? [])] })),
  }
}

/** Whether what is fetched is said to be a signature or to have one: then nothing is decided before it is there. */
export function isPutOff({ labels }: FetchNode): boolean {
  return labels !== undefined && (labels.role || labels.records.some(({ subject }) => subject === 'out'))
}

/** Who made a good signature that a label names; undefined unless it is one. */
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

/** The inputs that a derivation names as signatures or lists, and that are. */
function partsOf(
  { records }: Labels,
  { inputs }: BuildNode | FetchNode,
  nodes: readonly Node[],
): readonly number[] {
  const named = new Set(
    records.flatMap(({ signature, checksums }) => [
      signature,
      ...(checksums === undefined ? [] : [checksums]),
    ]),
  )
  return inputs.filter(input => {
    const content = plainFile(nodes[input])
    return named.has(input) && content !== undefined && isSignatureOrList(content)
  })
}

/** What a node holds, if it is one file that cannot be run and refers to nothing. */
function plainFile(node: Node | undefined) {
  if (node === undefined || node.kind === 'build' || node.isExecutable) return undefined
  return node.kind === 'local' && node.references.length > 0 ? undefined : node.content
}
