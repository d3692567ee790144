/**
 * Derivations that make the same output as another one: they differ in the URL that they fetch and
 * in their labels.
 */
import { fetchDerivation, type MadeDerivation } from './derivations.ts'
import type { Draft } from './draft.ts'
import { type MadeNode, nameOf, register } from './make.ts'
import type { FetchNode, Labels } from './plan.ts'

export interface Variant {
  /** The number of a node, and the node. */
  readonly of: number
  readonly node: FetchNode
  /** Another URL than the node's. */
  readonly url: number
  readonly labels?: Labels
}

/** Makes a variant valid in the store, without any attestation. */
export function addVariant(draft: Draft, made: readonly MadeNode[], variant: Variant): void {
  register(draft, derivationOf(variant, made))
}

export function derivationOf({ of, node, url, labels }: Variant, made: readonly MadeNode[]): MadeDerivation {
  const { labels: _, ...bare } = node
  return fetchDerivation({ ...bare, url, inputs: [], ...(labels && { labels }) }, nameOf(of), {
    derived: other => made[other]?.derivation,
    path: other => made[other]?.items[0]?.path ?? '',
    modulo: () => '',
  })
}
