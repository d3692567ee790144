/**
 * The claims that reach a source or a derivation because a packager signed the whole build graph of
 * something that is built from it (docs/semantics.md, S6). Loaded only where a rule accepts them.
 */
import type { GraphLookup } from '../evidence/graph-lookup.ts'
import {
  type GraphRoot,
  graphInMemory,
  indexGraph,
  keepGraph,
  keptGraph,
  NO_HASH,
} from '../evidence/signed-graphs.ts'
import { FileError } from '../files/regular-file.ts'
import { parseStorePath } from '../formats/nix/store-path.ts'
import type { Policy } from '../policy/policy.ts'
import type { Claim, Subject, Trouble } from '../policy/verdict.ts'
import { FormatError } from '../primitives/format-error.ts'
import { graphMembers } from './graph-members.ts'
import type { Inquiry } from './inquiry.ts'
import type { SignedRoot } from './signed-root.ts'

/** The indexes of a process that may not keep any, by the policy that they were made under. */
const inMemory = new WeakMap<Policy, Map<string, GraphLookup>>()

/** Claims about a path by who signed a graph that it belongs to, and what cannot be read. */
export interface GraphClaims {
  readonly claims: readonly Claim[]
  readonly troubles: readonly Trouble[]
}

/** Asks the index of each signed graph about the path. Makes those that are not made yet. */
export async function graphClaimsOf(inquiry: Inquiry, subject: Subject): Promise<GraphClaims> {
  const { roots, troubles } = await inquiry.signedRoots()
  const signed = new Set(roots.map(({ derivation }) => derivation.path.digest))
  const { digest } = parseStorePath(subject.path)
  const found: Claim[] = []
  const unread: Trouble[] = []
  for (const root of roots) {
    const graph = root.derivation.path.path
    if (graph === subject.path) continue
    try {
      const index = await indexOf(inquiry, root, signed)
      if (!covers(index.find(digest), subject)) continue
      const { path, narHash } = subject
      for (const claim of root.claims) found.push({ ...claim, path, narHash, graph })
    } catch (error) {
      if (!(error instanceof FileError || error instanceof FormatError)) throw error
      unread.push({ origin: graph, detail: error.message })
    }
  }
  return { claims: found, troubles: [...troubles, ...unread] }
}

function covers(hash: string | undefined, { kind, narHash }: Subject): boolean {
  return hash === (kind === 'derivation' ? narHash : NO_HASH)
}

/** Whoever may not read the state directory, or only asks, goes without. */
function keptIn({ places: { state }, records }: Inquiry, root: GraphRoot): GraphLookup | undefined {
  try {
    return keptGraph(state, root)
  } catch (error) {
    if (error instanceof FileError && !records) return undefined
    throw error
  }
}

async function indexOf(
  inquiry: Inquiry,
  { derivation }: SignedRoot,
  signed: ReadonlySet<string>,
): Promise<GraphLookup> {
  const { state } = inquiry.places
  const policy = await inquiry.policy()
  const held = inMemory.get(policy) ?? new Map<string, GraphLookup>()
  inMemory.set(policy, held)
  const root = { digest: derivation.path.digest, narHash: derivation.narHash }
  const known = held.get(root.digest) ?? keptIn(inquiry, root)
  if (known !== undefined) return known
  const index = indexGraph(await graphMembers(derivation))
  if (inquiry.records) keepGraph(state, root, { index, signed })
  const lookup = graphInMemory(index)
  if (!inquiry.records) held.set(root.digest, lookup)
  return lookup
}
