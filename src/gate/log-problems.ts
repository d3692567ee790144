/** Whether the decision log is well, as a metric. */
import { LOG_PROBLEMS, type LogHealth, lookAtLog } from '../decisions/health.ts'
import type { Family } from '../formats/prometheus.ts'
import type { DecisionSettings } from '../policy/policy.ts'

/** Milliseconds for which what was found is told again: a look reads and writes. */
const FOUND_FOR = 60_000

/**
 * Tells what is wrong with the log in a state directory. It is looked at once a minute at most,
 * however often that is asked, and not at all while nobody asks. Without settings, and where the
 * policy keeps no log, there is nothing to tell. `now`: milliseconds of a clock that nobody sets.
 */
export function watchLogProblems(
  look: (settings: LogSettings) => LogHealth | undefined,
  now: () => number = () => performance.now(),
): (settings: LogSettings | undefined) => Family {
  let found:
    | { readonly log: LogSettings['log']; readonly at: number; readonly health: LogHealth | undefined }
    | undefined
  return settings => {
    if (settings === undefined) return familyOf(undefined)
    if (found === undefined || found.log !== settings.log || now() - found.at >= FOUND_FOR)
      found = { log: settings.log, at: now(), health: look(settings) }
    return familyOf(found.health)
  }
}

/** Looks at the log of a state directory. */
export function logProblemsIn(state: string): (settings: LogSettings | undefined) => Family {
  // Not at what is kept elsewhere: a mount that does not answer would hold up all answers.
  return watchLogProblems(({ log }) => lookAtLog(state, { log }))
}

type LogSettings = Pick<DecisionSettings, 'log'>

function familyOf(health: LogHealth | undefined): Family {
  const codes = new Set(health?.problems.map(({ code }) => code))
  return {
    name: 'decision_log_problem',
    help: 'Whether something is wrong with the decision log, by what it is.',
    type: 'gauge',
    samples:
      health === undefined
        ? []
        : LOG_PROBLEMS.map(code => ({ labels: { problem: code }, value: codes.has(code) ? 1 : 0 })),
  }
}
