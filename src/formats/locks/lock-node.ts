/** The nodes of a flake.lock, and what leads from one to another. */
import type { JsonNode } from '../json/shape.ts'
import type { Pin } from './locked-input.ts'

/** Where an input leads: to a node by its key, or to another input by its path from the root. */
export type Edge = { readonly node: string } | { readonly follows: readonly string[] }

/** A node of the graph. */
export interface LockNode {
  readonly key: string
  readonly line: number
  readonly inputs: ReadonlyMap<string, Edge>
  /** What it is locked to; absent for the root. */
  readonly pin?: Pin
  /** The fields as they were written, for writing them again. */
  readonly written: JsonNode
}
