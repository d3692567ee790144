/**
 * The indexes of approved graphs, in `<state>/approvals/index/<digest of the graph>`. An index is
 * made of the list that has this digest, and of nothing else, so it is never out of date; what it
 * is worth depends on who signed the digest. Only root writes them. Whoever cannot read or write
 * them makes one in memory.
 */
import { readSync } from 'node:fs'
import { join } from 'node:path'
import { writeDurably } from '../../files/durable-file.ts'
import { withOwnedFile } from '../../files/owned-file.ts'
import { FileError, readRegularFile } from '../../files/regular-file.ts'
import {
  type GraphIndex,
  lookUp,
  makeGraphIndex,
  openGraphIndex,
  type ReadAt,
} from '../../formats/approval-index.ts'
import { GRAPH_LIMIT, graphDigest } from '../../formats/nix/build-graph.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { printable } from '../../primitives/printable.ts'
import { stampOf } from './stamp.ts'

/** Answers questions about one graph. */
export interface GraphLookup {
  /** The number of lines of the list. */
  readonly count: number
  /**
   * The SHA-256 that the list gives for the path with this hash part (32 characters), in hex;
   * undefined if the list does not have it.
   */
  find(digest: string): string | undefined
}

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
    kept: graph => inMemory.get(graph) ?? onDisk(indexFile(state, graph), graph),
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
        const kept = onDisk(indexFile(state, graph), graph)
        if (kept !== undefined) return kept
      }
      const read: ReadAt = (offset, length) => bytes.subarray(offset, offset + length)
      const index = openGraphIndex(read, bytes.length)
      const lookup = { count: index.count, find: (digest: string) => lookUp(index, read, digest) }
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

/**
 * Opens the file for each question: hooks ask one, and a file that is kept open could be replaced.
 */
function onDisk(file: string, graph: string): GraphLookup | undefined {
  const opened = reading(file, graph, ({ count }) => count)
  if (opened === undefined) return undefined
  return {
    count: opened,
    find: digest => reading(file, graph, (index, read) => ({ found: lookUp(index, read, digest) }))?.found,
  }
}

function reading<T>(file: string, graph: string, use: (index: GraphIndex, read: ReadAt) => T): T | undefined {
  try {
    return withOwnedFile(file, (fd, size) => {
      const read: ReadAt = (offset, length) => {
        const bytes = Buffer.alloc(length)
        return bytes.subarray(0, readSync(fd, bytes, 0, length, offset))
      }
      const index = openGraphIndex(read, size)
      return index.graph === graph ? use(index, read) : undefined
    })
  } catch (error) {
    // A damaged index is made again from its list.
    if (error instanceof FormatError) return undefined
    throw error
  }
}
