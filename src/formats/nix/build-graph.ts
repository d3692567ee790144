/**
 * The list of a build graph, which lies beside its approval (docs/attestations.md): a line for each
 * derivation and each source,
 *
 *     /nix/store/<digest>-<name> <SHA-256, lower-case hex>
 *
 * sorted by the bytes of the paths. For a .drv the hash is that of the file itself; for a source it
 * is the NAR hash. The SHA-256 of the whole list is what an approver signs. A list has one
 * spelling.
 */
import { FormatError } from '../../primitives/format-error.ts'
import { toHex } from '../../primitives/hex.ts'
import { sha256 } from '../../primitives/sodium.ts'

/** The most lines of a list, and the most bytes. */
export const GRAPH_LINE_LIMIT = 1_000_000
export const GRAPH_LIMIT = 256 * 1024 * 1024

const LINE = /^\/nix\/store\/[0-9a-df-np-sv-z]{32}-[0-9A-Za-z+._?=-]{1,211} [0-9a-f]{64}$/
const DIGEST_AT = '/nix/store/'.length
const DIGEST_LENGTH = 32

/** A path of a build graph. */
export interface GraphEntry {
  /** The full store path. */
  readonly path: string
  /** Lower-case hex: of the file for a .drv, of the NAR for a source. */
  readonly sha256: string
}

/** Whether a line of the list is about a derivation; all others are sources. */
export function isDerivationEntry({ path }: GraphEntry): boolean {
  return path.endsWith('.drv')
}

/**
 * Parses a list. Throws FormatError if a line is malformed, out of order or repeated, or if two
 * paths have one hash part.
 */
export function parseBuildGraph(bytes: Uint8Array): readonly GraphEntry[] {
  if (bytes.byteLength > GRAPH_LIMIT) throw malformed(`larger than ${GRAPH_LIMIT} bytes`, 0)
  const lines = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1').split('\n')
  if (lines.pop() !== '') throw malformed('the last line breaks off', lines.length + 1)
  if (lines.length === 0) throw malformed('is empty', 1)
  if (lines.length > GRAPH_LINE_LIMIT) throw malformed(`more than ${GRAPH_LINE_LIMIT} lines`, lines.length)
  let before = ''
  return lines.map((line, index) => {
    if (!LINE.test(line)) throw malformed('not a store path and its SHA-256', index + 1)
    const end = line.length - 65
    const path = line.slice(0, end)
    if (path <= before) throw malformed('not sorted, or a path is repeated', index + 1)
    if (digestOf(path) === digestOf(before)) throw malformed('two paths have one hash part', index + 1)
    before = path
    return { path, sha256: line.slice(end + 1) }
  })
}

/**
 * Prints a list; the entries may be in any order. Throws FormatError if it could not be parsed, for
 * example because two entries are about one path.
 */
export function printBuildGraph(entries: readonly GraphEntry[]): Uint8Array {
  const sorted = [...entries].sort((one, other) => (one.path < other.path ? -1 : 1))
  const bytes = Buffer.from(sorted.map(({ path, sha256: hash }) => `${path} ${hash}\n`).join(''), 'latin1')
  parseBuildGraph(bytes)
  return bytes
}

/** What an approver signs of a list: its SHA-256, lower-case hex. */
export function graphDigest(list: Uint8Array): string {
  return toHex(sha256(list))
}

function digestOf(path: string): string {
  return path.slice(DIGEST_AT, DIGEST_AT + DIGEST_LENGTH)
}

function malformed(problem: string, line: number): FormatError {
  return new FormatError('build graph', problem, `line ${line}`)
}
