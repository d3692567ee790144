import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Returns a function that asks a question. `look` answers together all questions that came during
 * the last look, and must not reject. `rest` says how many milliseconds pass after a look that took
 * so many.
 */
export function askTogether<Q>(
  look: (questions: readonly Q[]) => Promise<void>,
  rest: (took: number) => number,
): (question: Q) => void {
  let waiting: Q[] = []
  let isLooking = false

  async function lookForAll(): Promise<void> {
    isLooking = true
    while (waiting.length > 0) {
      const questions = waiting
      waiting = []
      const start = performance.now()
      await look(questions)
      await sleep(rest(performance.now() - start))
    }
    isLooking = false
  }

  return question => {
    waiting.push(question)
    if (!isLooking) void lookForAll()
  }
}
