import { Script } from 'node:vm'

/** What a script can see. */
const scope = globalThis as typeof globalThis & { nixsigFuzzStep?: () => unknown }
const STEP = new Script('globalThis.nixsigFuzzStep()')

/** A step that did not come to its end in time. */
export class InterruptedError extends Error {
  override readonly name = 'InterruptedError'
}

/**
 * What a step returns. One that is still running after so many milliseconds, be it in a loop or in a regular expression,
 * is ended by force: throws InterruptedError then. Starting the watch takes about a tenth of a millisecond.
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
