/**
 * Which admitted paths a change of the policy makes fall or rise. One pass over the ledger finds
 * what may be affected, by the claims that it keeps; that is then judged with all evidence at hand.
 */
import { isCurrent, NO_POLICY } from '../ledger/admissions.ts'
import type { LedgerEntry } from '../ledger/all-admissions.ts'
import type { Policy, SubjectKind } from '../policy/policy.ts'
import type { Refusal, Verdict } from '../policy/verdict.ts'
import { hangsOnAddresses, isJudged, type JudgedAdmission, type Moment, passesByRecord } from './by-record.ts'
import { copied, openMadeOf } from './made-of.ts'
import { restsOn, type Support } from './rests-on.ts'

/** What a comparison is of. */
export interface Compared extends Moment {
  readonly before: Policy
  readonly after: Policy
  readonly entries: Iterable<LedgerEntry>
  /** What is counted besides: the paths that rested on it. */
  readonly support?: Support | undefined
  /**
   * `affected`: only what may be affected, as the record has it, is judged with all evidence at
   * hand. `all`: everything, as long as there is time.
   */
  readonly judges: 'affected' | 'all'
  /** The end of the time for that, as of performance.now(). */
  readonly end: number
  /** The verdict on a path with all evidence at hand. */
  verdict(under: 'before' | 'after', path: string): Promise<Verdict>
  /** What a derivation in the store is built from; undefined if that is not known. */
  inputsOf(derivation: string): readonly string[] | undefined
}

/** A path that falls or rises. */
export interface Changed {
  readonly path: string
  readonly kind: SubjectKind
  readonly builtHere: boolean
  readonly derivation: string | undefined
  /**
   * The refusal after it, or before it for what rises; undefined if only the record was looked at.
   */
  readonly refusal: Refusal | undefined
}

export interface Comparison {
  /** Entries of the ledger that were looked at. */
  readonly entries: number
  /** Paths that pass before, as far as that was told. */
  readonly admitted: number
  /** How many of those rested on what was asked about. */
  readonly rested: number
  /** By path. */
  readonly falls: readonly Changed[]
  readonly rises: readonly Changed[]
  /** Paths about which nothing could be told: the store or the evidence did not answer. */
  readonly untold: readonly string[]
  /** How many were told by the record alone, for want of time or because only that was asked. */
  readonly byRecord: number
  /**
   * Entries that cannot be read, with the reason, and how many more arrows there was no room for.
   */
  readonly unread: readonly string[]
  readonly left: number
  /** Seconds for the pass over the ledger. */
  readonly seconds: number
}

/** What is known of one path. */
interface Known {
  readonly entry: Pick<JudgedAdmission, 'path' | 'kind' | 'builtHere' | 'derivation'>
  readonly passed: boolean
  passes: boolean
  /** Whether the ledger admits it under the policy before, which is the fact that matters. */
  readonly isAdmitted: boolean
  /** Whether the record cannot decide it. */
  readonly isOpen: boolean
}

/** The most entries whose problem is kept. */
const UNREAD_LIMIT = 100
/**
 * The most derivations that are read from the store because the ledger does not know their inputs.
 */
const READ_LIMIT = 20_000

/** Compares; throws a system error where the ledger cannot be listed, and what `verdict` throws. */
export async function compare(asked: Compared): Promise<Comparison> {
  const begun = performance.now()
  const known = new Map<string, Known>()
  const madeOf = openMadeOf()
  const unread: string[] = []
  let entries = 0
  let rested = 0
  for (const entry of asked.entries) {
    entries++
    if ('problem' in entry) {
      if (unread.length < UNREAD_LIMIT) unread.push(entry.problem)
      continue
    }
    madeOf.add(entry)
    if (!isJudged(entry)) continue
    const one = await knownOf(asked, entry)
    if (one.passed && asked.support !== undefined && restsOn(entry, asked.support)) rested++
    known.set(entry.path, one)
  }
  for (const derivation of madeOf.unknown().slice(0, READ_LIMIT))
    madeOf.addInputs(derivation, asked.inputsOf(derivation) ?? [])
  const seconds = (performance.now() - begun) / 1000
  const fallen = [...known.values()].filter(({ passed, passes }) => passed && !passes)
  const after = madeOf.after(fallen.map(({ entry }) => entry.path))
  for (const path of after) {
    const one = known.get(path)
    if (one !== undefined) one.passes = false
  }
  const judged = await judgeAll(asked, [...known.values()], after)
  return { entries, rested, ...judged, unread, left: madeOf.left(), seconds }
}

async function knownOf(asked: Compared, entry: JudgedAdmission): Promise<Known> {
  const { path, kind, builtHere, derivation } = entry
  return {
    entry: { path: copied(path), kind, builtHere, derivation: derivation && copied(derivation) },
    isAdmitted: isCurrent(entry, asked.before.digest, asked.now),
    ...(await byRecord(asked, entry)),
  }
}

async function byRecord(
  asked: Compared,
  entry: JudgedAdmission,
): Promise<Pick<Known, 'passed' | 'passes' | 'isOpen'>> {
  const passed = await passesByRecord(asked.before, entry, asked)
  if ([asked.before, asked.after].some(policy => hangsOnAddresses(policy, entry))) {
    // Without its addresses the record does not tell whom lists name for it.
    const { support } = asked
    if (support !== undefined && !restsOn(entry, support)) return { passed, passes: passed, isOpen: false }
    const wasAdmitted = passed || entry.policy !== NO_POLICY
    return { passed: wasAdmitted, passes: await passesByRecord(asked.after, entry, asked), isOpen: true }
  }
  // Under another policy it counts as built here only while its inputs are the same.
  const isOpen = entry.builtHere && entry.from === undefined
  return { passed, passes: await passesByRecord(asked.after, entry, asked), isOpen }
}

async function judgeAll(asked: Compared, known: readonly Known[], after: ReadonlySet<string>) {
  const isAffected = (one: Known) => one.passed !== one.passes || one.isOpen || after.has(one.entry.path)
  const affected = known.filter(isAffected)
  const others = asked.judges === 'all' ? known.filter(one => !isAffected(one)) : []
  const falls: Changed[] = []
  const rises: Changed[] = []
  const untold: string[] = []
  let byRecord = known.length - affected.length - others.length
  let admitted = asked.judges === 'all' ? 0 : known.filter(one => !isAffected(one) && one.passed).length
  for (const one of [...affected, ...others]) {
    const found = performance.now() < asked.end ? await judgeBoth(asked, one) : undefined
    if (found === 'untold') {
      untold.push(one.entry.path)
      continue
    }
    if (found === undefined) byRecord++
    const { passed, passes, refusal } = found ?? { ...one, refusal: undefined }
    if (passed) admitted++
    if (passed && !passes) falls.push({ ...one.entry, refusal })
    if (!passed && passes) rises.push({ ...one.entry, refusal })
  }
  return { admitted, falls: byPath(falls), rises: byPath(rises), untold: untold.sort(), byRecord }
}

/** With all evidence at hand; `untold` where it could not be told. */
async function judgeBoth(asked: Compared, { entry, isAdmitted }: Known) {
  const after = await asked.verdict('after', entry.path)
  if (isUntold(after)) return 'untold'
  // What the ledger admits under the policy in force passes; of everything else it is asked.
  // Where the evidence at hand does not suffice under either, nothing falls by this change.
  const isAsked = !isAdmitted || after.outcome === 'indeterminate'
  const found = isAsked ? await asked.verdict('before', entry.path) : undefined
  if (found !== undefined && isUntold(found)) return 'untold'
  if (isAdmitted && found !== undefined && found.outcome !== 'trusted') return 'untold'
  const before = isAdmitted ? undefined : found
  const refusal = after.outcome === 'trusted' ? before : after
  return {
    passed: before === undefined || before.outcome === 'trusted',
    passes: after.outcome === 'trusted',
    refusal: refusal?.outcome === 'trusted' ? undefined : refusal,
  }
}

/** Whether a refusal says nothing about the policy: something did not answer. */
function isUntold(verdict: Verdict): boolean {
  if (verdict.outcome === 'trusted') return false
  return ['store', 'caches', 'time', 'fault'].includes(verdict.ground.kind)
}

function byPath(changed: readonly Changed[]): readonly Changed[] {
  return [...changed].sort((a, b) => (a.path < b.path ? -1 : 1))
}
