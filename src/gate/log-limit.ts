import type { Log, LogLevel } from './log.ts'

/**
 * How many lines of one event are written within WITHIN_MS milliseconds; further ones are only
 * counted.
 */
const LINES = 200
const WITHIN_MS = 10_000

interface Kind {
  since: number
  lines: number
  timer?: NodeJS.Timeout
}

/**
 * Limits a log, so that clients cannot fill it. Of each event, at most 200 lines are written in ten
 * seconds, and then one that says how many were left out. Events are a few fixed phrases of the
 * gate's own.
 */
export function limitLog(log: Log, now: () => number = () => performance.now()): Log {
  const kinds = new Map<string, Kind>()

  function tellRest(level: LogLevel, event: string, kind: Kind): void {
    kinds.delete(event)
    const left = kind.lines - LINES
    if (left > 0)
      log(level, event, { 'left-out': left, why: `more than ${LINES} in ${WITHIN_MS / 1000} seconds` })
  }

  return (level, event, details) => {
    const known = kinds.get(event)
    if (known !== undefined && now() - known.since >= WITHIN_MS) {
      clearTimeout(known.timer)
      tellRest(level, event, known)
    }
    const kind = kinds.get(event) ?? { since: now(), lines: 0 }
    kinds.set(event, kind)
    kind.lines++
    if (kind.lines <= LINES) return log(level, event, details)
    kind.timer ??= setTimeout(() => tellRest(level, event, kind), WITHIN_MS).unref()
  }
}
