/**
 * What is known of lines that were removed because the log was full: how many, what the next line
 * has to name, and the roots of the trees over them, so that later lines can still be held against a
 * signed state of the log. A file in `removed/`, named after how many lines are gone; the greatest
 * name counts.
 */
import { join } from 'node:path'
import { writeDurably } from '../files/durable-file.ts'
import { namesIn } from '../files/names-in.ts'
import { readOwnedFile } from '../files/owned-file.ts'
import { FileError } from '../files/regular-file.ts'
import { removeFile } from '../files/remove-file.ts'
import { fields, type JsonNode, listOf, rootNode } from '../formats/json/shape.ts'
import { parseStrictJson } from '../formats/json/strict.ts'
import { GrowingTree, leafHash, nodeHash, rootOfLeaves } from '../formats/tlog/merkle.ts'
import { FormatError } from '../primitives/format-error.ts'
import { fromHex, toHex } from '../primitives/hex.ts'
import { digestOf } from './append.ts'
import { NO_LINE } from './line.ts'
import { type Line, parseLine } from './parse-line.ts'
import { greatest, type LogPlaces, numberName, numberOf } from './places.ts'
import { lengthOf, linesFrom } from './read.ts'

/** A tree over lines that are gone: as many as a power of two. */
export interface Subtree {
  readonly size: number
  /** Lower-case hex. */
  readonly root: string
}

/** What was removed. */
export interface Removed {
  /** How many lines, from the first on. */
  readonly lines: number
  /** What the next line names as the one before it. */
  readonly previous: string
  /** The name of the log, from its first line; undefined if that is there or cannot be read. */
  readonly log: string | undefined
  /** The identity of the machine's key in that line. */
  readonly machine: string | undefined
  /** From left to right, each greater than the next. */
  readonly subtrees: readonly Subtree[]
}

/** Of a log from which nothing was removed. */
export const NOTHING_REMOVED: Removed = {
  lines: 0,
  previous: NO_LINE,
  log: undefined,
  machine: undefined,
  subtrees: [],
}

const FORMAT = 'removed lines'
const LIMIT = 16_384
const SUBTREES = 53

/** What was removed from a log. Throws FileError, and FormatError for a file that is damaged. */
export function readRemoved({ removed }: LogPlaces): Removed {
  const newest = greatest(namesIn(removed))
  const found = newest < 0 ? undefined : readIn(join(removed, numberName(newest)))
  if (found === undefined) return NOTHING_REMOVED
  if (found.lines !== newest) throw new FormatError(FORMAT, 'not named after their count', numberName(newest))
  return found
}

/**
 * Why a log that ends where its removed lines do was cut, in words; undefined if it goes on. The newest
 * segment never goes because the log is full, and lines that are written from 0 on again would have
 * numbers of removed ones, which nobody reads.
 */
export function cutBehind(places: LogPlaces, { lines }: Pick<Removed, 'lines'>): string | undefined {
  const length = lengthOf(places)
  if (lines === 0 || length > lines) return undefined
  const again = length === 0 ? '' : `, and ${length} are written under numbers of removed ones`
  return `${lines} lines were removed because the log was full, none of the later ones is there${again}`
}

/** Throws FileError if the log was cut behind its removed lines. */
export function assertNotCut(places: LogPlaces): void {
  const cut = cutBehind(places, readRemoved(places))
  if (cut !== undefined) throw new FileError(`the decision log was cut: ${cut}: nixsig log verify`)
}

function readIn(file: string): Removed | undefined {
  const text = readOwnedFile(file, LIMIT)?.toString('utf8')
  return text === undefined
    ? undefined
    : removedOf(rootNode(FORMAT, parseStrictJson(text, { length: LIMIT, depth: 3 })))
}

/**
 * The trees over folded lines, as they were last kept: at least those of what was removed. Whoever
 * changed them makes signed states that the log does not have, which its verification tells.
 */
export function readFolded(places: LogPlaces): Removed {
  const removed = readRemoved(places)
  try {
    const kept = readIn(places.tree)
    return kept === undefined || kept.lines < removed.lines ? removed : kept
  } catch {
    return removed
  }
}

/** Keeps the trees over folded lines. It is made again if it is lost. */
export function writeFolded({ tree }: LogPlaces, folded: Removed): void {
  writeDurably(tree, printed(folded), { flush: false })
}

/** Keeps what was removed, flushed to the disk; whoever does the same at once writes the same. */
export function writeRemoved({ removed }: LogPlaces, gone: Removed): void {
  writeDurably(join(removed, numberName(gone.lines)), printed(gone), { flush: true })
  for (const name of namesIn(removed)) {
    if ((numberOf(name) ?? gone.lines) < gone.lines) removeFile(join(removed, name))
  }
}

function printed({ log, machine, ...known }: Removed): string {
  return `${JSON.stringify({ ...known, log: log ?? null, machine: machine ?? null })}\n`
}

/** What is known with one more segment, of 1,024 whole lines. */
export function withSegment(known: Removed, lines: readonly Buffer[]): Removed {
  const [first = EMPTY] = lines
  const last = lines.at(-1) ?? EMPTY
  const root = toHex(rootOfLeaves(lines.map(leafHash)))
  const beginning = known.lines === 0 ? beginningIn(first) : known
  return {
    lines: known.lines + lines.length,
    previous: digestOf(last),
    log: beginning?.log,
    machine: beginning?.machine,
    subtrees: withSubtree(known.subtrees, { size: lines.length, root }),
  }
}

const EMPTY = Buffer.alloc(0)

/** What the first line of a log says; undefined if it is damaged. */
export function beginningIn(bytes: Buffer): Extract<Line, { kind: 'beginning' }> | undefined {
  try {
    const line = parseLine(bytes.toString('latin1'))
    return line.kind === 'beginning' ? line : undefined
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}

/** The name of the log in these places; undefined if it has none that can be read. Throws FileError. */
export function logName(places: LogPlaces): string | undefined {
  const { log, lines } = readRemoved(places)
  if (lines > 0) return log
  for (const { bytes } of linesFrom(places, 0)) return bytes && beginningIn(bytes)?.log
  return undefined
}

/** The subtrees with one more, whose size is a power of two, at their right. */
function withSubtree(subtrees: readonly Subtree[], one: Subtree): readonly Subtree[] {
  const last = subtrees.at(-1)
  if (last === undefined || last.size !== one.size) return [...subtrees, one]
  const root = toHex(nodeHash(fromHex(last.root), fromHex(one.root)))
  return withSubtree(subtrees.slice(0, -1), { size: 2 * one.size, root })
}

/** A tree over what was removed, to which the lines that are there can be appended. */
export function treeOver({ subtrees }: Removed): GrowingTree {
  const tree = new GrowingTree()
  for (const { size, root } of subtrees) tree.appendSubtree(fromHex(root), size)
  return tree
}

function removedOf(node: JsonNode): Removed {
  const required = ['lines', 'previous', 'log', 'machine', 'subtrees'] as const
  const known = fields(node, { required, optional: [], others: 'refuse' })
  const subtrees = listOf(known.subtrees, SUBTREES).map(subtreeOf)
  const lines = whole(known.lines)
  const isDescending = subtrees.every(
    ({ size }, index) => size < (subtrees[index - 1]?.size ?? Number.POSITIVE_INFINITY),
  )
  const total = subtrees.reduce((sum, { size }) => sum + size, 0)
  if (!isDescending || total !== lines)
    throw new FormatError(FORMAT, 'not the trees of so many lines', 'subtrees')
  return {
    lines,
    previous: matching(known.previous, /^[0-9a-f]{64}$/),
    log: known.log.value === null ? undefined : matching(known.log, /^[0-9a-f]{32}$/),
    machine: known.machine.value === null ? undefined : matching(known.machine, /^[!-~]{1,128}$/),
    subtrees,
  }
}

function subtreeOf(node: JsonNode): Subtree {
  const known = fields(node, { required: ['size', 'root'], optional: [], others: 'refuse' })
  const size = whole(known.size)
  if (size < 1 || 2 ** Math.round(Math.log2(size)) !== size)
    throw new FormatError(FORMAT, 'not a power of two', known.size.where)
  return { size, root: matching(known.root, /^[0-9a-f]{64}$/) }
}

function whole({ value, where }: JsonNode): number {
  if (typeof value === 'number' && value >= 0) return value
  throw new FormatError(FORMAT, 'must be a whole number', where)
}

function matching({ value, where }: JsonNode, form: RegExp): string {
  if (typeof value === 'string' && form.test(value)) return value
  throw new FormatError(FORMAT, 'is not of the right form', where)
}
