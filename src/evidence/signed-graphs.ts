/**
 * The indexes of build graphs that packagers signed as a whole, in
 * `<state>/graphs/<hash part of the derivation at the root>`. Each .drv names its inputs by their
 * contents, so an index is never out of date: it holds everything that the signature covers. For a
 * .drv it has the NAR hash; for a source, whose path is all that the derivation names, 64 zeros.
 * Only root writes indexes. Whoever cannot write them makes one in memory.
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { writeDurably } from '../files/durable-file.ts'
import { namesIn } from '../files/names-in.ts'
import { lookUp, makeGraphIndex } from '../formats/approval-index.ts'
import { type GraphEntry, printBuildGraph } from '../formats/nix/build-graph.ts'
import { type GraphLookup, lookupIn, lookupOnDisk } from './graph-lookup.ts'

/** What an index says in place of the hash of a source. */
export const NO_HASH = '0'.repeat(64)

/** The derivation at the root of a graph: hash part of its path, NAR hash of its .drv in hex. */
export interface GraphRoot {
  readonly digest: string
  readonly narHash: string
}

/** The kept index of a root; undefined if it is absent or damaged. Throws FileError. */
export function keptGraph(state: string, { digest, narHash }: GraphRoot): GraphLookup | undefined {
  return lookupOnDisk(fileOf(state, digest), (index, read) => lookUp(index, read, digest) === narHash)
}

/** The index of what a root covers. Throws FormatError if the entries do not make a list. */
export function indexGraph(entries: readonly GraphEntry[]): Uint8Array {
  return makeGraphIndex(printBuildGraph(entries))
}

/** Keeps an index, and forgets those of roots that are not signed any longer. Throws FileError. */
export function keepGraph(
  state: string,
  root: GraphRoot,
  { index, signed }: { readonly index: Uint8Array; readonly signed: ReadonlySet<string> },
): void {
  writeDurably(fileOf(state, root.digest), index, { flush: false })
  for (const name of namesIn(join(state, 'graphs'))) {
    if (/^[0-9a-z]{32}$/.test(name) && !signed.has(name)) rmSync(fileOf(state, name), { force: true })
  }
}

/** An index in memory. */
export const graphInMemory = lookupIn

function fileOf(state: string, digest: string): string {
  return join(state, 'graphs', digest)
}
