/**
 * Keeps the log in order: folds lines, signs its state, and keeps it below its size. Lines are
 * written whatever becomes of that, so it refuses nothing: what goes wrong is noted, and told by
 * `nixsig doctor` and `nixsig status`.
 */
import { existsSync } from 'node:fs'
import { printable } from '../primitives/printable.ts'
import { withSystemErrorsInWords } from '../primitives/system-error-words.ts'
import { foldedLines } from './append.ts'
import { noteSize } from './budgets.ts'
import { keepCheckpoint, newestCheckpoint } from './checkpoint.ts'
import { assertNoneBeyond, ownLogIn } from './elsewhere.ts'
import { foldSegments } from './fold.ts'
import { limitSize } from './limit.ts'
import { type LogPlaces, logPlaces } from './places.ts'
import type { DecisionLog } from './record.ts'
import { forgetTrouble, noted, noteTrouble } from './trouble.ts'

/** Milliseconds for which a log that could not be kept in order is left alone. */
const REST = 600_000
/**
 * Segments that are folded at most while somebody waits for an answer: less than a second. Whoever
 * folds so many signs nothing, as there may be more: the next one goes on.
 */
const AT_ONCE = 16

/**
 * Does all that there is to do, which is nothing for most calls. `when`: `at once` tries again what
 * failed a moment ago. Returns what went wrong, in words that are escaped, or undefined. Never throws.
 */
export function keepInOrder(log: DecisionLog, when: 'at once' | 'in time'): string | undefined {
  const { state, settings } = log
  const places = logPlaces(state)
  if (settings.log === 'off' || !existsSync(places.directory)) return undefined
  const before = noted(places)
  if (when === 'in time' && before !== undefined && Math.abs(Date.now() - before.tried) < REST)
    return undefined
  let folded = 0
  const problems = [
    attempt(() => {
      folded = foldSegments(state, when === 'in time' ? AT_ONCE : undefined).length
      if (folded > 0) noteSize(places, settings.size)
    }),
    attempt(() => limitSize(state, settings.size)),
    attempt(() => {
      // What is signed is read and flushed first, each line that is not folded by itself.
      if (when === 'in time' && folded >= AT_ONCE) return
      const isDue = isUnsigned(places)
      // Once more only if the last one could not be kept elsewhere: here they would only become more.
      if (before !== undefined && !isDue) assertCanBeKeptElsewhere(log)
      if (before !== undefined || isDue) keepCheckpoint(state, log.key(), settings.checkpointsTo)
    }),
  ].filter(problem => problem !== undefined)
  if (problems.length > 0) {
    const why = [...new Set(problems)].join('; ')
    noteTrouble(places, why)
    return why
  }
  return before === undefined ? undefined : attempt(() => forgetTrouble(places))
}

/** Throws FileError for what would be wrong elsewhere with a state that is signed now. */
function assertCanBeKeptElsewhere({ state, settings: { checkpointsTo }, key }: DecisionLog): void {
  if (checkpointsTo === undefined) return
  const own = ownLogIn(logPlaces(state), key().publicKey)
  if (own !== undefined) assertNoneBeyond(checkpointsTo, own)
}

/** Whether a segment was folded since the last state that was signed. */
export function isUnsigned(places: LogPlaces): boolean {
  return newestCheckpoint(places) < foldedLines(places)
}

/** What went wrong, in words that are escaped. */
function attempt(action: () => unknown): string | undefined {
  try {
    action()
    return undefined
  } catch (error) {
    return printable(withSystemErrorsInWords((error as Error).message))
  }
}
