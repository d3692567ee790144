import { keepInOrder } from '../decisions/keep-order.ts'
import type { Policy } from '../policy/policy.ts'
import { logIn } from '../verifier/decided.ts'
import type { Log } from './log.ts'

/** Milliseconds between two looks. */
const EVERY = 60_000

/**
 * Keeps the decision log in order from time to time, as the store plugin only writes lines. What goes
 * wrong is logged once. `policy` may throw: without one nothing is done. `stop` ends it.
 */
export function tidyLog(
  { state, policy, log }: { readonly state: string; readonly policy: () => Policy; readonly log: Log },
  every = EVERY,
): { stop(): void } {
  let told: string | undefined
  function tidy(): void {
    const settings = settingsNow(policy)
    if (settings === undefined) return
    const why = keepInOrder(logIn(state, settings), 'in time')
    if (why !== undefined && why !== told)
      log('warning', 'the decision log is written, and could not be kept in order', { why })
    told = why ?? told
  }
  const timer = setInterval(tidy, every).unref()
  return { stop: () => clearInterval(timer) }
}

function settingsNow(policy: () => Policy): Policy['decisions'] | undefined {
  try {
    return policy().decisions
  } catch {
    return undefined
  }
}
