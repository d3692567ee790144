import { expectedFile, listExpected } from '../ledger/expected.ts'
import { someNames } from '../ledger/some-names.ts'
import { identityOf } from '../ledger/stamp.ts'
import { quarantineDirectory } from '../quarantine/entries.ts'
import { finishInterrupted, mustWait } from '../quarantine/quarantine.ts'
import { NOTHING_TAKEN } from '../quarantine/take-all-out.ts'
import { hasUnfinished } from '../quarantine/unfinished.ts'
import { openStore } from '../store/store-client.ts'
import type { BuildOutcome } from './build-outcome.ts'
import { forgetOldPresents } from './forget-presents.ts'
import type { Inquiry } from './inquiry.ts'
import { LeftToTheHook } from './left-to-the-hook.ts'
import { refusalOf } from './refusal-of-error.ts'
import { inputsOf } from './stored-derivation.ts'
import { finishExpected } from './unjudged-builds.ts'

/** The most expectations that one hook looks at: anybody's failing builds can leave some. */
const LOOKED_AT = 64

/** `all`, or as much as a hook that is asked `about` a derivation can find in a bounded time. */
export type Scope = 'all' | { readonly about: string }

/**
 * Finishes what killed hooks left: quarantines that are half done, and outputs that became valid
 * and were never judged. Those are judged now, as their own hook would have done. Of the unjudged
 * outputs a hook looks at the inputs of its own build and at a few others. It also drops
 * expectations whose builds are over and made nothing. The hook judges the outputs of its own build
 * itself, later.
 *
 * What cannot be finished is reported like a refusal, but stops nothing. Whatever a build needs is
 * looked up in the ledger, where these paths are absent, and others must not have to wait until
 * somebody repairs one of them. Rejects with LeftToTheHook if anything has to leave the store and
 * this inquiry may not take it out.
 */
export async function finishWhatWasInterrupted(
  inquiry: Inquiry,
  scope: Scope,
): Promise<readonly BuildOutcome[]> {
  const { state } = inquiry.places
  const outcomes: BuildOutcome[] = [...(await finishQuarantine(inquiry))]
  try {
    forgetOldPresents(state, LOOKED_AT)
    const { digests, ...whose } = expectationsOf(inquiry, scope)
    outcomes.push(...(await finishExpected(inquiry, digests, { ...whose, all: scope === 'all' })))
  } catch (error) {
    if (error instanceof LeftToTheHook) throw error
    outcomes.push(unfinished(error, expectedFile(state, '')))
  }
  return outcomes
}

async function finishQuarantine(inquiry: Inquiry): Promise<readonly BuildOutcome[]> {
  const { state } = inquiry.places
  try {
    if (!inquiry.takesOut && hasUnfinished(state) && !(await mustWait(state))) throw new LeftToTheHook()
    if (!inquiry.takesOut) return []
    const taken = await finishInterrupted(state, openStore)
    return taken === undefined ? [] : [{ admitted: [], refusals: [], taken: { ...taken, kept: [] } }]
  } catch (error) {
    if (error instanceof LeftToTheHook) throw error
    return [unfinished(error, quarantineDirectory(state))]
  }
}

/** The hash parts of the expected outputs to look at. */
function expectationsOf(inquiry: Inquiry, scope: Scope) {
  const { state } = inquiry.places
  if (scope === 'all') return { digests: listExpected(state), except: undefined, needed: NOTHING }
  const needed = new Set(expectedInputs(inquiry, scope.about))
  const digests = new Set(needed)
  for (const name of someNames(expectedFile(state, ''), LOOKED_AT)) digests.add(name)
  return { digests: [...digests], except: scope.about, needed }
}

const NOTHING: ReadonlySet<string> = new Set()

/** The hash parts of the derivation's inputs that were built here and not judged. */
function expectedInputs(inquiry: Inquiry, derivation: string): readonly string[] {
  const { state } = inquiry.places
  try {
    const digests = inputsOf(inquiry.derivation(derivation)).map(({ path }) => path.digest)
    return digests.filter(digest => identityOf(expectedFile(state, digest)) !== undefined)
  } catch {
    // Judging the derivation meets the same error and reports it.
    return []
  }
}

function unfinished(error: unknown, path: string): BuildOutcome {
  return { admitted: [], refusals: [refusalOf(error, path, 'output')], taken: NOTHING_TAKEN }
}
