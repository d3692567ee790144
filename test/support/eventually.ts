import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'

/** Long enough for a machine on which everything else runs as well, in milliseconds. */
const PATIENCE_MS = 60_000

const PAUSE_MS = 10

/** The same of a condition that says itself what is waited for. */
export const until = (holds: () => boolean): Promise<void> => eventually(String(holds), holds)

/**
 * Waits until `holds` returns true, however slow the machine is. After a minute it throws an error
 * that says `what` was waited for.
 */
export async function eventually(
  what: string | (() => string),
  holds: () => boolean | Promise<boolean>,
): Promise<void> {
  const end = performance.now() + PATIENCE_MS
  while (!(await holds())) {
    if (performance.now() > end) {
      throw new Error(`never within a minute: ${typeof what === 'string' ? what : what()}`)
    }
    await sleep(PAUSE_MS)
  }
}
