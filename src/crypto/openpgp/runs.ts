/**
 * A bound on the runs of programs for one file of signatures. Each takes some 20 milliseconds, and
 * whoever writes such a file chooses how many keys it names.
 */
import { AsyncLocalStorage } from 'node:async_hooks'

/** For one file of signatures and all keys. */
export const ALL_RUNS_LIMIT = 128

const current = new AsyncLocalStorage<{ left: number }>()

/** Does some work in which so many programs may run. */
export function withRuns<T>(work: () => T): T {
  return current.run({ left: ALL_RUNS_LIMIT }, work)
}

/** Counts programs that are about to run; false, and none of them may, if they are too many. */
export function mayRun(count: number): boolean {
  const runs = current.getStore()
  if (runs === undefined) return true
  runs.left -= count
  return runs.left >= 0
}
