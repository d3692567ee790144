/** What changed between two approvals, for whoever signs the next one. */
import type { Approval } from '../../formats/in-toto/predicates/approval.ts'
import { type GraphEntry, isDerivationEntry } from '../../formats/nix/build-graph.ts'
import { parseStorePath } from '../../formats/nix/store-path.ts'

/** An approval with the entries of its graph. */
export interface ApprovedGraph {
  readonly approval: Pick<Approval, 'expressions' | 'locks'>
  readonly entries: readonly GraphEntry[]
}

/** Names of paths, sorted. `changed`: there before and after, and not the same. */
export interface ChangedPaths {
  readonly changed: readonly string[]
  readonly added: readonly string[]
  readonly removed: readonly string[]
}

/** What differs. */
export interface GraphChanges {
  readonly derivations: ChangedPaths
  readonly sources: ChangedPaths
  /** Who signed the expressions and the inputs: people by name, sorted. */
  readonly signers: { readonly added: readonly string[]; readonly removed: readonly string[] }
}

/** Compares two approvals of one target. */
export function changesBetween(before: ApprovedGraph, after: ApprovedGraph): GraphChanges {
  const [old, now] = [before, after].map(({ approval }) => signersOf(approval))
  return {
    derivations: changedPaths(before.entries, after.entries, isDerivationEntry),
    sources: changedPaths(before.entries, after.entries, entry => !isDerivationEntry(entry)),
    signers: { added: missingIn(old, now), removed: missingIn(now, old) },
  }
}

/** Everybody who signed the expressions or an input. */
export function signersOf({
  expressions,
  locks,
}: Pick<Approval, 'expressions' | 'locks'>): ReadonlySet<string> {
  const inputs = locks.flatMap(lock => lock.inputs)
  return new Set([expressions, ...inputs].flatMap(({ signers }) => signers))
}

function changedPaths(
  before: readonly GraphEntry[],
  after: readonly GraphEntry[],
  isMeant: (entry: GraphEntry) => boolean,
): ChangedPaths {
  const same = new Set(before.map(lineOf))
  const kept = new Set(after.map(lineOf))
  const gone = namesOf(before.filter(entry => isMeant(entry) && !kept.has(lineOf(entry))))
  const come = namesOf(after.filter(entry => isMeant(entry) && !same.has(lineOf(entry))))
  return {
    changed: [...come].filter(name => gone.has(name)).sort(),
    added: missingIn(gone, come),
    removed: missingIn(come, gone),
  }
}

function lineOf({ path, sha256 }: GraphEntry): string {
  return `${path} ${sha256}`
}

function namesOf(entries: readonly GraphEntry[]): ReadonlySet<string> {
  return new Set(entries.map(({ path }) => parseStorePath(path).name))
}

function missingIn(
  set: ReadonlySet<string> = new Set(),
  of: ReadonlySet<string> = new Set(),
): readonly string[] {
  return [...of].filter(name => !set.has(name)).sort()
}
