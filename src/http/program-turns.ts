import { onAbort } from '../files/deadline.ts'

/** No turn came in time. Nobody who was asked is to blame for it. */
export class NoTurn extends Error {
  override readonly name = 'NoTurn'

  constructor(milliseconds: number) {
    super(`too much is under way here: no turn for it within ${milliseconds / 1000} seconds`)
  }
}

/** Turns of programs, first come first served. */
export interface ProgramTurns {
  /**
   * Waits until a program may run. The function that it resolves with gives the turn back; again it
   * does nothing. Rejects with the signal's reason.
   */
  take(signal: AbortSignal): Promise<() => void>
}

/** `atOnce`: how many programs run at the same time. */
export function openProgramTurns(atOnce: number): ProgramTurns {
  let running = 0
  let waiting: readonly (() => void)[] = []

  function turn(): () => void {
    running++
    let isDone = false
    return () => {
      if (isDone) return
      isDone = true
      running--
      const [next, ...others] = waiting
      waiting = others
      next?.()
    }
  }

  return {
    take: signal =>
      new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason)
        if (running < atOnce) return resolve(turn())
        const begin = () => {
          stopListening()
          resolve(turn())
        }
        waiting = [...waiting, begin]
        const stopListening = onAbort(signal, reason => {
          waiting = waiting.filter(other => other !== begin)
          reject(reason)
        })
      }),
  }
}
