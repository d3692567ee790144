/**
 * The indexes of approved graphs, in `<state>/approvals/index/<digest of the graph>`. An index is
 * made of the list that has this digest, and of nothing else, so it is never out of date; what it
 * is worth depends on who signed the digest. Only root writes them. Whoever cannot read or write
 * them makes one in memory.
 */
import { join } from 'node:path'
import { writeDurably } from '../../files/durable-file.ts'
import { FileError, readRegularFile } from '../../files/regular-file.ts'
import { makeGraphIndex } from '../../formats/approval-index.ts'
import { GRAPH_LIMIT, graphDigest } from '../../formats/nix/build-graph.ts'
import { printable } from '../../primitives/printable.ts'
import { type GraphLookup, lookupIn, lookupOnDisk } from '../graph-lookup.ts'
import { stampOf } from './stamp.ts'

/** The indexes that a process uses. */
export interface GraphIndexes {
  /** The kept index of a graph; undefined if it is absent or damaged. Throws FileError. */
  kept(graph: string): GraphLookup | undefined
  /**
   * Makes the index of a graph from the file of its list, and keeps it if this process may. Throws
   * FileError if the file is absent or is not the list with this digest, and FormatError if the
   * list is malformed.
   */
  make(graph: string, listFile: string): GraphLookup
}

/** `writes`: whether new indexes are kept in the state directory, which others may not write to. */
export function graphIndexes(state: string, { writes }: { readonly writes: boolean }): GraphIndexes {
  const inMemory = new Map<string, GraphLookup>()
  const broken = new Map<string, Error>()
  return {
    kept: graph => inMemory.get(graph) ?? onDisk(state, graph),
    make(graph, listFile) {
      const asked = `${listFile} ${stampOf(listFile) ?? 'absent'}`
      const before = broken.get(asked)
      if (before !== undefined) throw before
      let bytes: Uint8Array
      try {
        bytes = makeGraphIndex(readGraphList(listFile, graph))
      } catch (error) {
        // A large list that is not what was signed is not read for each path that is asked about.
        broken.set(asked, error as Error)
        throw error
      }
      if (writes) {
        writeDurably(indexFile(state, graph), bytes, { flush: true })
        const kept = onDisk(state, graph)
        if (kept !== undefined) return kept
      }
      const lookup = lookupIn(bytes)
      inMemory.set(graph, lookup)
      return lookup
    },
  }
}

/** The file of the index of a graph. */
export function indexFile(state: string, graph: string): string {
  return join(state, 'approvals', 'index', graph)
}

/**
 * The list of a graph, as the approver signed it. Throws FileError if the file is not that list.
 */
export function readGraphList(file: string, graph: string): Uint8Array {
  const bytes = readRegularFile(file, GRAPH_LIMIT)
  if (bytes === undefined) throw new FileError(`the list of the graph is missing: ${printable(file)}`)
  if (graphDigest(bytes) === graph) return bytes
  throw new FileError(`not the list that was signed, by its SHA-256: ${printable(file)}`)
}

function onDisk(state: string, graph: string): GraphLookup | undefined {
  return lookupOnDisk(indexFile(state, graph), index => index.graph === graph)
}
