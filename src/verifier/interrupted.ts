import { type Expected, expectedFile, listExpected, readExpected, settle } from '../ledger/expected.ts'
import { identityOf } from '../ledger/stamp.ts'
import { quarantineDirectory } from '../quarantine/entries.ts'
import { finishInterrupted, hasUnfinished } from '../quarantine/quarantine.ts'
import { openStore } from '../store/store-client.ts'
import { afterBuild, type BuildOutcome } from './after-build.ts'
import type { Inquiry } from './inquiry.ts'
import { LeftToTheHook } from './left-to-the-hook.ts'
import { refusalOf } from './refusal-of-error.ts'

/** Expectations of builds that never came to an end are forgotten after thirty days. */
const FORGET_SECONDS = 30 * 24 * 3600

/**
 * Finishes what killed hooks left: quarantines half done, and outputs that became valid and were never judged, which
 * are judged now as their own hook would have. `except`: the derivation whose own hook this is.
 *
 * What cannot be finished is told like a refusal, and stops nothing: whatever a build needs is looked up in the
 * ledger, where these paths are not, and others must not have to wait until somebody mends one of them. Rejects with
 * LeftToTheHook if anything has to leave the store and this inquiry may not take it out.
 */
export async function finishWhatWasInterrupted(
  inquiry: Inquiry,
  except?: string,
): Promise<readonly BuildOutcome[]> {
  const { state } = inquiry.places
  const outcomes: BuildOutcome[] = []
  try {
    if (!inquiry.takesOut && hasUnfinished(state)) throw new LeftToTheHook()
    await finishInterrupted(state, openStore)
  } catch (error) {
    if (error instanceof LeftToTheHook) throw error
    outcomes.push(unfinished(error, quarantineDirectory(state)))
  }
  const done = new Set(except === undefined ? [] : [except])
  for (const digest of listExpected(state)) {
    let about = expectedFile(state, digest)
    try {
      const expected = readExpected(state, digest)
      if (expected === undefined || done.has(expected.derivation)) continue
      about = expected.path
      outcomes.push(...(await finishOne(inquiry, expected, done)))
    } catch (error) {
      if (error instanceof LeftToTheHook) throw error
      outcomes.push(unfinished(error, about))
    }
  }
  return outcomes
}

/** Judges an expected output with the others of its build; no outcome if there is nothing to judge. */
async function finishOne(
  inquiry: Inquiry,
  expected: Expected,
  done: Set<string>,
): Promise<readonly BuildOutcome[]> {
  const { state } = inquiry.places
  if (identityOf(expected.path) === undefined) {
    if (expected.time + FORGET_SECONDS < inquiry.now) settle(state, expected.digest)
    return []
  }
  const info = await (await inquiry.store()).pathInfo(expected.path)
  if (info === undefined) return []
  if (!info.ultimate) {
    // The build failed, and then the path came from elsewhere: judged when something here is built from it.
    settle(state, expected.digest)
    return []
  }
  done.add(expected.derivation)
  return [await afterBuild(inquiry, expected.derivation)]
}

function unfinished(error: unknown, path: string): BuildOutcome {
  return { admitted: [], refusals: [refusalOf(error, path, 'output')], quarantined: [] }
}
