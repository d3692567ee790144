/** What a signal that ends the process has removed before: scratch directories, files half written. */
import { rmSync } from 'node:fs'
import { constants } from 'node:os'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

const present = new Set<string>()

/** Has a file or a directory removed when a signal ends the process, until `keepAfterSignal`. */
export function removeAfterSignal(path: string): void {
  if (present.size === 0) for (const signal of SIGNALS) process.on(signal, removeAll)
  present.add(path)
}

/** It is gone already, or stays. */
export function keepAfterSignal(path: string): void {
  if (present.delete(path) && present.size === 0) forgetSignals()
}

/** Ends the process by the same signal, unless somebody else waits for it and ends the work. */
function removeAll(signal: NodeJS.Signals): void {
  if (process.listenerCount(signal) > 1) return
  for (const path of present) removeIfPossible(path)
  present.clear()
  forgetSignals()
  process.kill(process.pid, signal)
  // The first process of a container ends by none. Its work cannot go on, as what it needs is removed.
  process.exit(128 + constants.signals[signal])
}

/** What cannot be removed keeps neither the others there nor the process running. */
function removeIfPossible(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true })
  } catch {
    // Who makes such a file looks for what was left (sweep, removeLeft).
  }
}

function forgetSignals(): void {
  for (const signal of SIGNALS) process.off(signal, removeAll)
}
