/** What ends at a moment, tested before and after it, however slow the machine is. */
import { setTimeout as sleep } from 'node:timers/promises'

/** Seconds that there are at first, and at most. */
const [FIRST, MOST] = [6, 96]

/** A moment that lies ahead. */
export interface End {
  /** Unix seconds. */
  readonly seconds: number
  /** As policies write it: `2027-01-01T00:00:00Z`. */
  readonly text: string
}

/**
 * Does what has to be done before a moment, and then waits until it is there. Where it failed and
 * the moment has passed meanwhile, does all of it again with twice as much time.
 */
export async function beforeEnd(use: (end: End) => Promise<void>): Promise<void> {
  for (let span = FIRST; ; span *= 2) {
    const seconds = Math.ceil(Date.now() / 1000) + span
    const remaining = () => seconds * 1000 - Date.now()
    try {
      await use({ seconds, text: new Date(seconds * 1000).toISOString().replace('.000', '') })
    } catch (error) {
      if (remaining() > 0 || span >= MOST) throw error
      continue
    }
    return sleep(Math.max(0, remaining()))
  }
}
