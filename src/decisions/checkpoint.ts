/**
 * Signed states of the log: how many lines it has and the root of the tree over them, as a C2SP
 * checkpoint (a signed note) by this machine's key. Whoever keeps one elsewhere sees later whether
 * the log was cut or written anew.
 */
import { fsyncSync } from 'node:fs'
import { join } from 'node:path'
import { signNoteText } from '../crypto/note-signature.ts'
import type { KeyPair } from '../crypto/secret-key.ts'
import { writeDurably } from '../files/durable-file.ts'
import { namesIn } from '../files/names-in.ts'
import { readOwnedFile, withOwnedFile } from '../files/owned-file.ts'
import { FileError } from '../files/regular-file.ts'
import { removeFile } from '../files/remove-file.ts'
import { type Checkpoint, printCheckpoint } from '../formats/tlog/checkpoint.ts'
import { leafHash } from '../formats/tlog/merkle.ts'
import { printNote } from '../formats/tlog/note.ts'
import { FormatError } from '../primitives/format-error.ts'
import { printable } from '../primitives/printable.ts'
import { digestOf } from './append.ts'
import { keepElsewhere } from './elsewhere.ts'
import { CHECKPOINT_LIMIT, type KeptCheckpoint, originOf, parseKept } from './kept-checkpoint.ts'
import { SEGMENT_LINES } from './line.ts'
import { greatest, type LogPlaces, logPlaces, numberName, numberOf } from './places.ts'
import { lengthOf, linesFrom, segmentLines, segmentsOf } from './read.ts'
import {
  assertNotCut,
  beginningIn,
  type Removed,
  readFolded,
  readRemoved,
  treeOver,
  withSegment,
  writeFolded,
} from './removed.ts'

/** How many are kept in the log's own directory. */
const KEPT = 256
/** The state of the log now, unsigned. Throws FileError if there is none or a line is missing. */
function stateOfLog(places: LogPlaces): Checkpoint & { readonly log: string } {
  assertNotCut(places)
  const folded = foldedTree(places)
  const tree = treeOver(folded)
  let { log } = folded
  for (const { number, bytes } of linesFrom(places, folded.lines)) {
    if (bytes === undefined)
      throw new FileError(`line ${number} of the decision log is missing: nixsig log verify`)
    if (number === 0) log = beginningIn(bytes)?.log
    tree.append(leafHash(bytes))
  }
  if (log === undefined)
    throw new FileError(`no decision log with a beginning in ${printable(places.directory)}`)
  return { log, origin: originOf(log), size: tree.size, root: tree.root(), extensions: [] }
}

/** The trees over all segments, which are read as far as they were not yet. */
function foldedTree(places: LogPlaces): Removed {
  const before = readFolded(places)
  // Of lines that were cut off since, or are others now, no state can be signed any more.
  const kept = endsAsKept(places, before) ? before : readRemoved(places)
  let folded = kept
  for (const first of segmentsOf(places)) {
    const lines = first === folded.lines ? segmentLines(places, first) : undefined
    if (lines?.length === SEGMENT_LINES) folded = withSegment(folded, lines)
  }
  if (folded.lines !== before.lines) writeFolded(places, folded)
  return folded
}

/** Whether the last line that trees are over is there: that of a segment, or one that was removed. */
function endsAsKept(places: LogPlaces, { lines, previous }: Removed): boolean {
  if (lines === readRemoved(places).lines) return true
  const last = segmentLines(places, lines - SEGMENT_LINES)?.[SEGMENT_LINES - 1]
  return last !== undefined && digestOf(last) === previous
}

/**
 * Signs the state of the log now, and keeps that beside the log and in `elsewhere`, if that is given.
 * Returns the checkpoint's bytes and its size in lines. Throws FileError.
 */
export function keepCheckpoint(
  state: string,
  key: Pick<KeyPair, 'publicKey' | 'secretKey'>,
  elsewhere?: string,
): { readonly bytes: Uint8Array; readonly size: number } {
  const places = logPlaces(state)
  const now = stateOfLog(places)
  flushLines(places, now.size)
  const text = printCheckpoint(now)
  const signer = { name: now.origin, publicKey: key.publicKey, secretKey: key.secretKey }
  const bytes = printNote({ text, signatures: [signNoteText(text, signer)] })
  writeDurably(join(places.checkpoints, numberName(now.size)), bytes, { flush: true })
  keepNewest(places.checkpoints, { most: KEPT, lines: now.size })
  if (elsewhere !== undefined) {
    const { publicKey } = key
    keepElsewhere(elsewhere, bytes, { log: now.log, publicKey, length: () => lengthOf(places) })
  }
  return { bytes, size: now.size }
}

/**
 * Flushes lines that are not folded to the disk: a loss of power may take none that a signed state
 * covers, or it would look as if somebody had written them anew.
 */
function flushLines(places: LogPlaces, end: number): void {
  for (const name of namesIn(places.open)) {
    if ((numberOf(name) ?? end) >= end) continue
    withOwnedFile(join(places.open, name), fd => fsyncSync(fd))
  }
}

/**
 * Removes all checkpoints of a directory but the newest. One that covers more than all `lines` of the
 * log stays: it is evidence, and not a newer one.
 */
export function keepNewest(
  directory: string,
  { most, lines }: { readonly most: number; readonly lines: number },
): void {
  const names = namesIn(directory).filter(name => (numberOf(name) ?? lines + 1) <= lines)
  for (const name of names.sort().slice(0, -most)) removeFile(join(directory, name))
}

/**
 * How many lines the newest checkpoint beside the log covers of those that are there; 0 without any.
 * By its name alone: one about more lines keeps no later one from being signed.
 */
export function newestCheckpoint(places: LogPlaces): number {
  const names = namesIn(places.checkpoints)
  const length = lengthOf(places)
  return Math.max(0, greatest(names.filter(name => (numberOf(name) ?? length) <= length)))
}

/**
 * How many lines the greatest checkpoint beside the log covers, its own or cosigned, if there are not
 * that many; undefined otherwise. By its name alone.
 */
export function checkpointBeyond(places: LogPlaces): number | undefined {
  const covered = greatest([...namesIn(places.checkpoints), ...namesIn(places.cosigned)])
  // The log grows meanwhile.
  return covered > lengthOf(places) ? covered : undefined
}

/**
 * The checkpoints beside the log in the order of their sizes, then those that witnesses cosigned.
 * `damaged` gets what is wrong with one that cannot be read, escaped. Throws FileError if there is no
 * looking into their directories.
 */
export function keptCheckpoints(
  { checkpoints, cosigned }: LogPlaces,
  damaged: (why: string) => void,
): readonly KeptCheckpoint[] {
  return [...keptIn(checkpoints, damaged), ...keptIn(cosigned, damaged)]
}

function keptIn(directory: string, damaged: (why: string) => void): readonly KeptCheckpoint[] {
  const names = namesIn(directory).filter(name => numberOf(name) !== undefined)
  return names.sort().flatMap(name => {
    const file = join(directory, name)
    try {
      const bytes = readOwnedFile(file, CHECKPOINT_LIMIT)
      return bytes === undefined ? [] : [parseKept(bytes, file)]
    } catch (error) {
      if (error instanceof FormatError) damaged(`${printable(file)}: ${error.message}`)
      else if (error instanceof FileError) damaged(error.message)
      else throw error
      return []
    }
  })
}
