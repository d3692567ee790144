import { listExpected, readExpected, settle } from '../ledger/expected.ts'
import { identityOf } from '../ledger/stamp.ts'
import { finishInterrupted } from '../quarantine/quarantine.ts'
import { openStore } from '../store/store-client.ts'
import { afterBuild, type BuildOutcome } from './after-build.ts'
import type { Gate } from './gate.ts'

/** Expectations of builds that never came to an end are forgotten after thirty days. */
const FORGET_SECONDS = 30 * 24 * 3600

/**
 * Finishes what killed hooks left: quarantines half done, and outputs that became valid and were never judged, which
 * are judged now as their own hook would have. `except`: the derivation whose own hook this is.
 */
export async function finishWhatWasInterrupted(
  gate: Gate,
  except?: string,
): Promise<readonly BuildOutcome[]> {
  const { state } = gate.places
  await finishInterrupted(state, openStore)
  const outcomes: BuildOutcome[] = []
  const done = new Set(except === undefined ? [] : [except])
  for (const digest of listExpected(state)) {
    const expected = readExpected(state, digest)
    if (expected === undefined || done.has(expected.derivation)) continue
    if (identityOf(expected.path) === undefined) {
      if (expected.time + FORGET_SECONDS < gate.now) settle(state, digest)
      continue
    }
    done.add(expected.derivation)
    if ((await (await gate.store()).pathInfo(expected.path)) === undefined) continue
    outcomes.push(await afterBuild(gate, expected.derivation))
  }
  return outcomes
}
