/** The end of a subscription. */
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { openTufStore } from '../tuf/store.ts'
import { listPlace, lockOf, nextPlace, tufPlace } from './places.ts'
import { forgetTaken } from './taken.ts'

/**
 * Removes what judges read of a list and what was published of it. What was seen of it stays, so
 * that it cannot go back when it is subscribed to again. The caller holds the lock.
 */
export function endSubscription(directory: string): void {
  rmSync(join(directory, 'book'), { force: true })
  forgetTaken(directory)
  for (const each of [join(directory, 'certificates'), nextPlace(directory)])
    rmSync(each, { recursive: true, force: true })
  // Also where what was seen is damaged.
  if (existsSync(tufPlace(directory))) openTufStore(tufPlace(directory)).prune(new Set())
}

/** Removes everything that is known of a list. */
export function forgetList(state: string, name: string): void {
  const directory = listPlace(state, name)
  rmSync(directory, { recursive: true, force: true })
  rmSync(lockOf(directory), { force: true })
}
