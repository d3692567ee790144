/**
 * Verifies the decision log: that no line was removed, changed or put elsewhere, and that it has all
 * lines that signed states of it have. Only a state that was kept elsewhere tells of a log that was
 * written anew or cut by whoever was root.
 */
import { FileError } from '../files/regular-file.ts'
import { leafHash } from '../formats/tlog/merkle.ts'
import type { LogQuorum } from '../policy/log-quorums.ts'
import { FormatError } from '../primitives/format-error.ts'
import { printable } from '../primitives/printable.ts'
import { followLines, type LogFault, type Tell } from './chain.ts'
import { keptCheckpoints } from './checkpoint.ts'
import { isSignedBy, type KeptCheckpoint, originOf } from './kept-checkpoint.ts'
import type { LogPlaces } from './places.ts'
import { lengthOf } from './read.ts'
import { beginningIn, cutBehind, NOTHING_REMOVED, type Removed, readRemoved, treeOver } from './removed.ts'
import { lacksOf } from './witnessed.ts'

/** What verifying found. */
export interface LogReport {
  /** How many lines there are, with those that were removed because the log was full. */
  readonly lines: number
  readonly removed: number
  /** The name of the log; undefined if it is not known. */
  readonly log: string | undefined
  /** Of lines, in their order, and then of checkpoints; at most 100 each. */
  readonly faults: readonly LogFault[]
  /** Lines whose time is before that of the line before them: the clock was set back. */
  readonly setBack: readonly number[]
  /** How many lines the checkpoints cover that the log agrees with. */
  readonly checkpoints: readonly { readonly from: string; readonly lines: number }[]
  /** How many lines a checkpoint covers that a quorum of witnesses cosigned, if that was asked for. */
  readonly witnessed?: number
}

/** What a log is held against. */
export interface Against {
  /** Checkpoints from elsewhere. */
  readonly checkpoints: readonly KeptCheckpoint[]
  /** Those of this log in the directory where the policy has them kept as well; by default none. */
  readonly elsewhere?: readonly KeptCheckpoint[]
  /** The public key, 32 raw bytes, that has to have signed them all; undefined if it is not known. */
  readonly key: Uint8Array | undefined
  /** Whose cosignatures some checkpoint must have. */
  readonly quorum?: LogQuorum
}

const FAULTS = 100
const SET_BACK = 20

/** Verifies the log in these places. Never throws for a fault of the log. */
export function verifyLog(places: LogPlaces, against: Against): LogReport {
  for (let tries = RACES; ; tries--) {
    const report = verifyOnce(places, against)
    // What is removed as the log is full, while it is read, is not missing.
    const now = guarded(
      () => {},
      () => readRemoved(places),
    )
    if (tries === 0 || (now?.lines ?? report.removed) === report.removed) return report
  }
}

/** How often it begins again because lines were removed meanwhile. */
const RACES = 3

function verifyOnce(places: LogPlaces, { checkpoints, elsewhere = [], key, quorum }: Against): LogReport {
  const faults: LogFault[] = []
  const ofCheckpoints: LogFault[] = []
  const teller =
    (into: LogFault[]): Tell =>
    (kind, line, detail) => {
      if (into.length < FAULTS) into.push({ kind, line, detail })
    }
  const [tell, tellOfCheckpoint] = [teller(faults), teller(ofCheckpoints)]
  const removed = guarded(tell, () => readRemoved(places)) ?? NOTHING_REMOVED
  const own =
    guarded(tell, () => keptCheckpoints(places, why => tellOfCheckpoint('bad-checkpoint', undefined, why))) ??
    []
  const all = [...own, ...elsewhere, ...checkpoints]
  const roots = new Map<number, Uint8Array | undefined>(
    all.map(({ checkpoint }) => [checkpoint.size, undefined]),
  )
  const walked = guarded(tell, () => walk(places, { removed, roots, tell }))
  const lines = walked?.lines ?? removed.lines
  const log = walked?.log ?? removed.log
  const agreeing: KeptCheckpoint[] = []
  for (const one of all) {
    const { size } = one.checkpoint
    const root = roots.get(size)
    const isGiven = checkpoints.includes(one)
    const fault = againstLog(one, { lines, log, root, key, removed: removed.lines, isGiven })
    if (fault !== undefined) tellOfCheckpoint(fault.kind, fault.line, fault.detail)
    // One about removed lines was held against nothing.
    else if (size > removed.lines) agreeing.push(one)
  }
  const witnessed = quorum && witnessedLines(agreeing, { quorum, key, tell: tellOfCheckpoint })
  return {
    lines,
    removed: removed.lines,
    log,
    faults: [...faults, ...ofCheckpoints],
    setBack: walked?.setBack ?? [],
    checkpoints: agreeing.map(({ from, checkpoint }) => ({ from, lines: checkpoint.size })),
    ...(witnessed === undefined ? {} : { witnessed }),
  }
}

/** The most lines that one of these covers with enough cosignatures; 0, which is told, if none has. */
function witnessedLines(
  checkpoints: readonly KeptCheckpoint[],
  {
    quorum,
    key,
    tell,
  }: { readonly quorum: LogQuorum; readonly key: Uint8Array | undefined; readonly tell: Tell },
): number {
  if (key === undefined) {
    tell('unwitnessed', undefined, "this machine's key is not known, and without it no checkpoint is its own")
    return 0
  }
  const newestFirst = checkpoints.toSorted((a, b) => b.checkpoint.size - a.checkpoint.size)
  const seen = newestFirst.find(one => lacksOf(one, quorum, key) === undefined)
  if (seen !== undefined) return seen.checkpoint.size
  const [newest] = newestFirst
  const lacks = newest === undefined ? 'there is none' : lacksOf(newest, quorum, key)
  tell(
    'unwitnessed',
    undefined,
    `no checkpoint that agrees with the log is cosigned as it has to be: ${lacks}`,
  )
  return 0
}

/**
 * What is wrong with a checkpoint as one of this log, whatever else is wrong with the log; undefined if
 * it agrees. Throws FileError and FormatError if the log cannot be read.
 */
export function checkpointFault(
  places: LogPlaces,
  kept: KeptCheckpoint,
  key: Uint8Array,
): LogFault | undefined {
  const removed = readRemoved(places)
  const { size } = kept.checkpoint
  const roots = new Map<number, Uint8Array | undefined>([[size, undefined]])
  const { lines, log } = walk(places, { removed, roots, tell: () => undefined })
  const found = { lines, log, root: roots.get(size), key, removed: removed.lines, isGiven: true }
  return againstLog(kept, found)
}

function guarded<T>(tell: Tell, read: () => T, kind: LogFault['kind'] = 'unreadable'): T | undefined {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof FileError || error instanceof FormatError)) throw error
    tell(kind, undefined, error.message)
    return undefined
  }
}

interface Walk {
  readonly removed: Removed
  /** By sizes: the roots of the trees of so many lines, to be filled in. */
  readonly roots: Map<number, Uint8Array | undefined>
  readonly tell: Tell
}

function walk(places: LogPlaces, { removed, roots, tell }: Walk) {
  const tree = treeOver(removed)
  const setBack: number[] = []
  let { log, lines } = removed
  let time = 0
  if (lengthOf(places) === 0)
    tell('no-beginning', undefined, `there is no line in ${printable(places.directory)}`)
  if (lines > 0 && log === undefined)
    tell('no-beginning', undefined, 'what is known of removed lines names no log')
  const cut = cutBehind(places, removed)
  if (cut !== undefined) tell('cut', lines, cut)
  const from = { number: removed.lines, previous: removed.previous }
  for (const { number, bytes, line } of followLines(places, from, tell)) {
    lines = number + 1
    if (bytes === undefined) continue
    if (number === 0) log = beginningIn(bytes)?.log
    if (number === 0 && log === undefined) tell('no-beginning', 0, 'the first line does not begin a log')
    if (line !== undefined && line.time < time && setBack.length < SET_BACK) setBack.push(number)
    time = line?.time ?? time
    // After a missing line the tree is not the one that anybody signed.
    if (tree.size === number) tree.append(leafHash(bytes))
    if (roots.has(tree.size)) roots.set(tree.size, tree.root())
  }
  return { lines, log, setBack }
}

interface Found {
  readonly lines: number
  readonly log: string | undefined
  readonly root: Uint8Array | undefined
  readonly key: Uint8Array | undefined
  readonly removed: number
  /** Whether somebody kept it elsewhere, and has to be told if it proves nothing. */
  readonly isGiven: boolean
}

/** What a checkpoint says against a log; undefined if it agrees, or one beside the log is too old. */
function againstLog(
  kept: KeptCheckpoint,
  { lines, log, root, key, removed, isGiven }: Found,
): LogFault | undefined {
  const { from, checkpoint } = kept
  const { size } = checkpoint
  const fault = (kind: LogFault['kind'], said: string, line?: number): LogFault => ({
    kind,
    line,
    detail: `${printable(from)} ${said}`,
  })
  if (key === undefined)
    return fault('bad-checkpoint', 'cannot be verified: the key of this machine is not known (machine.pub)')
  const isOfOther = log !== undefined && checkpoint.origin !== originOf(log)
  if (!isSignedBy(kept, key))
    return fault(
      'bad-checkpoint',
      isOfOther
        ? "is of another log, and not signed by the key of this machine: is it another machine's?"
        : 'is not signed by the key of this machine',
    )
  if (isOfOther) return fault('other-log', "is of another log: this one began anew, or is another machine's")
  if (size > lines) return fault('cut', `covers ${size} lines, and there are ${lines}`, lines)
  // Of what was removed only some trees are left, which whoever is root could have made up.
  if (size <= removed && !isGiven) return undefined
  if (size <= removed)
    return fault(
      'gone',
      `covers ${size} lines, and ${removed} were removed since: it proves nothing, give a later one`,
    )
  if (root !== undefined && Buffer.compare(root, checkpoint.root) === 0) return undefined
  return fault('rewritten', `covers ${size} lines that are not these`)
}
