/**
 * Leaves out of a log what it said a while ago: Nix asks about a path several times for each build,
 * and each time it is refused for the same reason.
 */
import type { Log } from './log.ts'

/** Milliseconds for which a line is not repeated, and lines that are remembered. */
const REST = 60 * 60 * 1000
const LIMIT = 4096

/** Events that are about a path and say why. */
const EVENTS: readonly string[] = ['refused', 'would be refused', 'refused the plugin', 'left to its origin']

/** A reason without what is another at each moment: how long an upstream is left alone. */
function lasting(why: unknown): string {
  return String(why).replaceAll(/; it is left alone for [\d.]+ seconds/g, '')
}

/** A log with one line a path and reason, until `forget` is called or an hour is over. */
export function logOnce(
  log: Log,
  now: () => number = () => performance.now(),
): { readonly log: Log; forget(): void } {
  /** When each was told, the oldest first. */
  const told = new Map<string, number>()

  function isNews(line: string): boolean {
    const time = now()
    if (time - (told.get(line) ?? Number.NEGATIVE_INFINITY) < REST) return false
    told.delete(line)
    told.set(line, time)
    const [oldest] = told.keys()
    if (told.size > LIMIT && oldest !== undefined) told.delete(oldest)
    return true
  }

  return {
    log(level, event, details = {}) {
      const { path, why } = details
      const isRepeated = EVENTS.includes(event) && !isNews([event, path, lasting(why)].join('\n'))
      if (!isRepeated) log(level, event, details)
    },
    forget: () => told.clear(),
  }
}
