import { setTimeout as sleep } from 'node:timers/promises'
import { SourceError } from '../../http/source-error.ts'

/**
 * Tries of one question where a server is busy or fails, and questions in a row that failed after
 * which it is left alone for a while.
 */
const TRIES = 3
/** Milliseconds before the second try, and twice as many before the third, if it names no time. */
const PAUSE = 250
/** Milliseconds for which such a server is left alone, twice as long each time, and at most. */
const BUSY_REST = { first: 2000, longest: 5 * 60 * 1000 } as const
/** The same for one that cannot be reached and says so at once, or that took SLOW to find out. */
const QUICK_REST = { first: 100, longest: 5000 } as const
const SLOW_REST = { first: 10_000, longest: 60_000 } as const
const SLOW = 1000
/** With so many questions at once, their number is not limited any more. */
const OPEN = 32

/** How one question is asked. Milliseconds. */
export interface Asking {
  /** For all tries and the pauses between them. */
  readonly within: number
  readonly signal?: AbortSignal | undefined
}

interface Trouble {
  /** When it may be asked again, by performance.now(). */
  readonly until: number
  /** Whether questions are not to wait for that. */
  readonly isLong: boolean
  readonly error: SourceError
  /** For those who are not to wait: in the same words each time, so that they are logged once. */
  readonly leftAlone: SourceError
}

/** Whether a server may be asked now, by what came of the questions before. */
export class BackOff {
  #trouble: Trouble | undefined
  /**
   * Failures in a row. Those of one question count once while no other has failed: it may be the
   * only one that the server fails at.
   */
  #failures = 0
  #culprit: object | undefined
  #isCommon = false
  /** Differs before and after each failure that counts. */
  #epoch = 0
  #running = 0
  #allowed = Number.POSITIVE_INFINITY
  #waiting: (() => void)[] = []

  /**
   * Asks, waits as long as the server says, and asks again; `attempt` gets the milliseconds that
   * are left. Where the wait would be too long, or the server goes on failing, it rejects at once
   * until some time has passed. After a failure one question is asked alone, and then ever more at
   * once. Rejects with what `attempt` rejects with, or SourceError.
   */
  async ask<T>(attempt: (left: number) => Promise<T>, { within, signal }: Asking): Promise<T> {
    const end = performance.now() + within
    const question = {}
    let last: SourceError | undefined
    for (let tries = 1; ; tries++) {
      const hasWaited = await this.#turn(end, signal)
      const isFirst = tries === 1 && !hasWaited
      const left = isFirst ? within : Math.max(1, Math.round(end - performance.now()))
      const [epoch, started] = [this.#epoch, performance.now()]
      try {
        // Too little is left for an answer, and would only hide what was wrong.
        if (last !== undefined && left < within / 8) throw last
        const answer = await attempt(left)
        this.#answered()
        return answer
      } catch (error) {
        if (error === last) throw error
        // Whoever asked has gone, which says nothing of the server.
        if (signal?.aborted === true) throw error
        if (!(error instanceof SourceError) || error.hardship === undefined) {
          this.#answered()
          throw error
        }
        last = error
        // Others that were asked at the same time may have failed for the same reason already.
        if (epoch !== this.#epoch) this.#isCommon ||= question !== this.#culprit
        else this.#failed(error, { question, tries, within, took: performance.now() - started })
        if (isLost(error, performance.now() - started) || tries === TRIES || !this.#mayWait(end)) throw error
        if (error.hardship === 'failing' && performance.now() + pauseAfter(tries) >= end) throw error
      } finally {
        this.#running--
        this.#wake()
      }
      // Others may be asked for something that it does not fail at.
      if (this.#trouble === undefined) await sleep(pauseAfter(tries))
    }
  }

  /** Forgets all failures. */
  forget(): void {
    this.#trouble = undefined
    this.#failures = 0
    this.#culprit = undefined
    this.#isCommon = false
    this.#allowed = Number.POSITIVE_INFINITY
    this.#epoch++
    this.#wake()
  }

  /** Waits until the question may be asked, and counts it; whether that took time. */
  async #turn(end: number, signal: AbortSignal | undefined): Promise<boolean> {
    for (let hasWaited = false; ; hasWaited = true) {
      signal?.throwIfAborted()
      const trouble = this.#trouble
      const wait = (trouble?.until ?? 0) - performance.now()
      if (trouble !== undefined && wait > 0) {
        if (!this.#mayWait(end)) throw trouble.leftAlone
        await sleep(wait)
      } else if (this.#running < this.#allowed) {
        // At once, since all who wait are woken together.
        this.#running++
        return hasWaited
      } else if (trouble?.isLong === true) throw trouble.leftAlone
      else if (performance.now() >= end) throw noTime(trouble)
      else await this.#woken(end - performance.now())
    }
  }

  #mayWait(end: number): boolean {
    return this.#trouble === undefined || (!this.#trouble.isLong && this.#trouble.until < end)
  }

  #woken(milliseconds: number): Promise<void> {
    return new Promise(resolve => {
      const timer = setTimeout(resolve, milliseconds)
      this.#waiting.push(() => {
        clearTimeout(timer)
        resolve()
      })
    })
  }

  #wake(): void {
    const woken = this.#waiting
    this.#waiting = []
    for (const one of woken) one()
  }

  #answered(): void {
    this.#failures = 0
    this.#culprit = undefined
    this.#isCommon = false
    this.#trouble = undefined
    this.#allowed = this.#allowed * 2 > OPEN ? Number.POSITIVE_INFINITY : this.#allowed * 2
  }

  #failed(error: SourceError, { question, tries, within, took }: Failure): void {
    if (this.#culprit !== undefined && question !== this.#culprit) this.#isCommon = true
    if (this.#culprit === undefined || this.#isCommon) this.#failures++
    this.#culprit = question
    this.#epoch++
    this.#allowed = 1
    const isLasting = isLost(error, took) || this.#failures >= TRIES
    const isShort = !isLasting && error.hardship !== 'unreachable'
    const rest = isShort ? shortRest(error, tries) : lastingRest(error, this.#failures, took)
    this.#trouble =
      rest === 0
        ? undefined
        : {
            until: performance.now() + rest,
            isLong: isLasting || rest > within,
            error,
            leftAlone: leftAlone(error, rest),
          }
  }
}

interface Failure {
  readonly question: object
  readonly tries: number
  readonly within: number
  /** Milliseconds until it failed. */
  readonly took: number
}

/** Whether asking again at once would be useless. A single connection may break at any time. */
function isLost({ hardship }: SourceError, took: number): boolean {
  return hardship === 'unreachable' && took > SLOW
}

/** Milliseconds for which nothing is asked after a failure that questions wait for the end of. */
function shortRest({ hardship, retryAfter }: SourceError, tries: number): number {
  return hardship === 'failing' ? 0 : (retryAfter ?? pauseAfter(tries))
}

/** The same after a number of failures in a row. */
function lastingRest({ hardship, retryAfter = 0 }: SourceError, failures: number, took: number): number {
  if (hardship === 'unreachable') {
    const { first, longest } = took > SLOW ? SLOW_REST : QUICK_REST
    return Math.min(first * 2 ** (failures - 1), longest)
  }
  return Math.max(retryAfter, Math.min(BUSY_REST.first * 2 ** (failures - TRIES), BUSY_REST.longest))
}

function pauseAfter(tries: number): number {
  return PAUSE * 2 ** (tries - 1)
}

function leftAlone({ message, hardship }: SourceError, rest: number): SourceError {
  const words = `${message}; it is left alone for ${Number((rest / 1000).toPrecision(2))} seconds`
  return new SourceError(words, { isPassing: true, hardship })
}

function noTime(trouble: Trouble | undefined): SourceError {
  const why = trouble === undefined ? '' : `: ${trouble.error.message}`
  return new SourceError(`had no time for another question${why}`, { isPassing: true, hardship: 'busy' })
}
