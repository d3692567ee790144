import { Script } from 'node:vm'

/** The global scope, as a script sees it. */
const scope = globalThis as typeof globalThis & { nixsigFuzzStep?: () => unknown }
const STEP = new Script('globalThis.nixsigFuzzStep()')

/** A step that did not end in time. */
export class InterruptedError extends Error {
  override readonly name = 'InterruptedError'
}

/**
 * Returns what a step returns. A step that still runs after this many milliseconds, be it in a loop
 * or in a regular expression, is interrupted: throws InterruptedError. Starting the watch takes
 * about a tenth of a millisecond.
 */
export function interruptible<T>(milliseconds: number, step: () => T): T {
  scope.nixsigFuzzStep = step
  try {
    return STEP.runInThisContext({ timeout: milliseconds }) as T
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error
    throw new InterruptedError(`ended by force after ${milliseconds} ms`)
  }
}
