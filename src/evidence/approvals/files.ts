/**
 * Where approvals lie. Both files are named by the digest of the build graph:
 *
 *     <dir>/approvals/<digest>.intoto.jsonl   the approvals of this graph, one envelope a line
 *     <dir>/approvals/<digest>.graph          the list of the graph
 */
import { join } from 'node:path'
import { namesIn } from '../../files/names-in.ts'
import { FileError } from '../../files/regular-file.ts'
import { APPROVALS, ENVELOPES, GRAPH_LIST } from '../../formats/publication.ts'
import { printable } from '../../primitives/printable.ts'

/** The most graphs in one directory: each is asked about a path. */
const GRAPH_COUNT_LIMIT = 4096

/** The file of the approvals of a graph. */
export function approvalFile(directory: string, graph: string): string {
  return join(directory, APPROVALS, graph + ENVELOPES)
}

/** The file of a graph's list. */
export function graphFile(directory: string, graph: string): string {
  return join(directory, APPROVALS, graph + GRAPH_LIST)
}

/**
 * The digests of the graphs that a directory has approvals of, sorted. Throws FileError if it
 * cannot be read, or has more than 4,096.
 */
export function approvedGraphs(directory: string): readonly string[] {
  const graphs = namesIn(join(directory, APPROVALS))
    .filter(name => name.endsWith(ENVELOPES))
    .map(name => name.slice(0, -ENVELOPES.length))
    .filter(name => /^[0-9a-f]{64}$/.test(name))
    .sort()
  if (graphs.length <= GRAPH_COUNT_LIMIT) return graphs
  throw new FileError(
    `more than ${GRAPH_COUNT_LIMIT} approvals in ${printable(join(directory, APPROVALS))}: remove old ones`,
  )
}
