import { lstatSync } from 'node:fs'
import { isPartial } from '../files/durable-file.ts'
import { type Expected, expectedFile, readListedExpected, settle, settleMade } from '../ledger/expected.ts'
import { identityOf, versionOf } from '../ledger/stamp.ts'
import { NOTHING_TAKEN } from '../quarantine/take-all-out.ts'
import { afterLostBuild, afterUnjudgedBuild } from './after-build.ts'
import type { BuildOutcome } from './build-outcome.ts'
import type { Inquiry } from './inquiry.ts'
import { LeftToTheHook } from './left-to-the-hook.ts'
import { lockedOutputs } from './locked-outputs.ts'
import { refusalOf } from './refusal-of-error.ts'
import { openRoom } from './unjudged-budget.ts'

/** The number of expectations that the store is asked about at once. */
export const AT_ONCE = 64
/** A build that holds no lock counts as over after this long; seconds. */
export const OVER = 60

/** Which expectations are finished, and for whom. */
export interface Finishing {
  /** The derivation whose own hook is asking; undefined if no hook is. */
  readonly except: string | undefined
  /**
   * The hash parts of outputs that the hook's build needs; these are judged however large they are.
   */
  readonly needed: ReadonlySet<string>
  /** Whether to finish all of them; false for no more builds than a hook has time for. */
  readonly all: boolean
}

/**
 * Judges expected outputs that are valid, and drops expectations of builds that are over. Rejects
 * only with LeftToTheHook.
 */
export async function finishExpected(
  inquiry: Inquiry,
  digests: readonly string[],
  { except, needed, all }: Finishing,
): Promise<readonly BuildOutcome[]> {
  const outcomes: BuildOutcome[] = []
  const done = new Set<string>()
  if (digests.length === 0) return []
  const room = all ? undefined : openRoom(await inquiry.store(), needed)
  const asked = all ? inquiry : { ...inquiry, waits: false }
  for (let first = 0; first < digests.length; first += AT_ONCE) {
    const { open, broken } = readAll(inquiry, digests.slice(first, first + AT_ONCE), except)
    outcomes.push(...broken)
    for (const expected of await stillValid(inquiry, open, all ? 'all' : needed)) {
      if (done.has(expected.derivation)) continue
      if (room?.isFull()) return outcomes
      const finish = async () =>
        room === undefined || (await room.take(expected)) ? finishOne(asked, expected, done) : []
      outcomes.push(...(await reporting(finish, expected.path)))
    }
  }
  return outcomes
}

/** An expectation, with the version of the file that it was read from. */
interface Open extends Expected {
  readonly version: string | undefined
}

/**
 * Returns the expectations that the store has to be asked about: those of outputs that exist on
 * disk, and those of builds that may be over.
 */
function readAll({ places, now }: Inquiry, digests: readonly string[], except: string | undefined) {
  const open: Open[] = []
  const broken: BuildOutcome[] = []
  for (const digest of digests) {
    const file = expectedFile(places.state, digest)
    try {
      const expected = isPartial(digest) ? undefined : readListedExpected(places.state, digest)
      if (expected === undefined) forgetIfOld(places.state, digest)
      else if (expected.derivation !== except && isToBeAsked(expected, now)) {
        // Most are of builds under way, so the version is taken only now, and the file is read
        // again after it.
        const version = versionOf(file)
        const again = readListedExpected(places.state, digest)
        if (again !== undefined && isToBeAsked(again, now)) open.push({ ...again, version })
      }
    } catch (error) {
      broken.push(unfinished(error, file))
    }
  }
  return { open, broken }
}

function isToBeAsked(expected: Expected, now: number): boolean {
  return identityOf(expected.path) !== undefined || isOver(expected, now)
}

/**
 * Removes an expectation that cannot be read: a killed writer, or a power failure, left it
 * unfinished.
 */
function forgetIfOld(state: string, digest: string): void {
  const status = lstatSync(expectedFile(state, digest), { throwIfNoEntry: false })
  if (status !== undefined && isPast(status.mtimeMs / 1000, Date.now() / 1000)) settle(state, digest)
}

function isOver({ time }: Expected, now: number): boolean {
  return isPast(time, now)
}

/**
 * Whether a time, in seconds, is long past. A time in the future counts too: the clock has been set
 * back since.
 */
function isPast(time: number, now: number): boolean {
  return Math.abs(now - time) > OVER
}

/**
 * Returns the expectations whose output is valid, and drops those of builds that are over and made
 * nothing. An output whose own hook may still be running is left out, unless it is `needed`.
 * Anybody can make an output count as locked and so keep others from judging it, but gains nothing:
 * it is not in the ledger, so no build may use it until a hook that needs it, or `nixsig verify`,
 * has judged it.
 */
async function stillValid(
  inquiry: Inquiry,
  open: readonly Open[],
  needed: ReadonlySet<string> | 'all',
): Promise<readonly Expected[]> {
  if (open.length === 0) return []
  const valid = await (await inquiry.store()).validPaths(open.map(({ path }) => path))
  const isLocked = lockedOutputs()
  for (const expected of open) {
    const isNothing = !valid.has(expected.path) && isOver(expected, inquiry.now)
    if (isNothing && !isLocked(expected.path)) drop(inquiry.places.state, expected)
  }
  const isWanted = ({ path, digest }: Open) => needed === 'all' || needed.has(digest) || !isLocked(path)
  return open.filter(expected => valid.has(expected.path) && isWanted(expected))
}

/** Removes an expectation, unless a build that started meanwhile has written another. */
function drop(state: string, { digest, version }: Open): void {
  if (versionOf(expectedFile(state, digest)) === version) settle(state, digest)
}

/**
 * Judges an expected output with the other outputs of its build. Returns no outcome if there is
 * nothing to judge.
 */
async function finishOne(
  inquiry: Inquiry,
  expected: Expected,
  done: Set<string>,
): Promise<readonly BuildOutcome[]> {
  const store = await inquiry.store()
  const info = await store.pathInfo(expected.path)
  if (info === undefined) return []
  if (!info.ultimate) {
    // The build failed, and then the path came from elsewhere. It is judged when something here is
    // built from it.
    settleMade(inquiry.places.state, expected.digest, info.registrationTime)
    return []
  }
  const hasDerivation = (await store.validPaths([expected.derivation])).size > 0
  if (!hasDerivation) return [await afterLostBuild(inquiry, expected, info)]
  done.add(expected.derivation)
  return [await afterUnjudgedBuild(inquiry, expected.derivation)]
}

async function reporting(
  finish: () => Promise<readonly BuildOutcome[]>,
  path: string,
): Promise<readonly BuildOutcome[]> {
  try {
    return await finish()
  } catch (error) {
    if (error instanceof LeftToTheHook) throw error
    return [unfinished(error, path)]
  }
}

function unfinished(error: unknown, path: string): BuildOutcome {
  return { admitted: [], refusals: [refusalOf(error, path, 'output')], taken: NOTHING_TAKEN }
}
