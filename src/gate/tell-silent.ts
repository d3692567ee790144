import type { Stray } from '../policy/verdict.ts'
import type { Log } from './log.ts'

/** Milliseconds after which the same silence is said again. */
const AGAIN_MS = 60_000
/** Upstreams that are remembered: more than one policy can name, as a policy may change. */
const COUNT_LIMIT = 256

interface Told {
  readonly detail: string
  readonly since: number
  more: number
}

/**
 * Logs that upstreams gave no answer: once for each reason, and then, at most every minute, how
 * many more questions met it. `now`: milliseconds.
 */
export function silenceTeller(log: Log, now: () => number = () => performance.now()) {
  const told = new Map<string, Told>()
  return (strays: readonly Stray[]): void => {
    for (const { problem, origin, detail } of strays) {
      if (problem !== 'no-answer') continue
      const known = told.get(origin)
      if (known?.detail === detail && now() - known.since < AGAIN_MS) {
        known.more++
        continue
      }
      told.delete(origin)
      told.set(origin, { detail, since: now(), more: 0 })
      const [oldest] = told.keys()
      if (told.size > COUNT_LIMIT && oldest !== undefined) told.delete(oldest)
      const more = known === undefined || known.more === 0 ? {} : { 'more-before': known.more }
      log('warning', 'no answer from an upstream', { upstream: origin, detail, ...more })
    }
  }
}
