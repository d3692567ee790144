/**
 * Time limits on a piece of work and everything that it waits for. The work can ask for the limit's
 * signal, so that programs, sockets and locks end with it. Whether it does or not, its caller gets
 * an answer in time.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { setMaxListeners } from 'node:events'
import { FileError } from './regular-file.ts'

/**
 * One minute less than a hook keeps Nix waiting (hooks/hook.ts), so that the verdict comes before
 * the hook gives up.
 */
const JUDGEMENT_MS = 29 * 60 * 1000

/** A limit on the time that something takes. */
export interface TimeLimit {
  readonly milliseconds: number
  /** Makes the error that the work fails with when it takes longer. */
  late(): Error
  /** Ends the work sooner, with the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

/** The operations under way, each from its beginning to its end. */
type Waits = Set<{ readonly what: string }>

const current = new AsyncLocalStorage<{ readonly signal: AbortSignal; readonly waits: Waits }>()

/** How many of the operations still under way a late judgement names. */
const WAITS_TOLD = 3

/** A judgement took longer than it may. */
export class LateError extends FileError {
  override readonly name = 'LateError'
}

/**
 * The signal that aborts when the innermost time limit of the caller is over; undefined outside of
 * any limit.
 */
export function deadlineSignal(): AbortSignal | undefined {
  return current.getStore()?.signal
}

/**
 * Does some work within a time limit and within all limits of the caller. Settles exactly once:
 * with the result of the work or, at the end of the time, with an error, even if the work itself
 * never settles.
 */
export function within<T>(limit: TimeLimit, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  return limited(limit, work).result
}

/**
 * What a promise comes to or, after so many milliseconds, what `late` says. Whatever the promise
 * waits for goes on.
 */
export function orLate<T>(promise: Promise<T>, milliseconds: number, late: () => T | Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve(late()), milliseconds)
    promise.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}

/**
 * Does some work within the limits of the caller. Rejects when they end, if the work has not
 * settled before.
 */
export function withinCurrent<T>(work: () => Promise<T>): Promise<T> {
  const signal = deadlineSignal()
  if (signal === undefined) return work()
  return new Promise((resolve, reject) => {
    const stopListening = onAbort(signal, reject)
    if (!signal.aborted) work().then(resolve, reject).finally(stopListening)
  })
}

/**
 * Does some work that may take long. `what` (already escaped) names it in the error if the
 * judgement's time ends first.
 */
export async function waitingFor<T>(what: string, work: () => Promise<T>): Promise<T> {
  const waits = current.getStore()?.waits
  const wait = { what }
  waits?.add(wait)
  try {
    return await work()
  } finally {
    waits?.delete(wait)
  }
}

/**
 * Judges within the time limit of every judgement, or within a shorter one (milliseconds). Rejects
 * with LateError when the time is over. The timer does not keep the process alive: if nothing else
 * is left to wait for, the process ends with a failure status.
 */
export function judgeWithin<T>(judge: () => Promise<T>, milliseconds: number = JUDGEMENT_MS): Promise<T> {
  const late = (waits: Waits) =>
    new LateError(`no verdict within ${milliseconds / 1000} seconds${stillWaited(waits)}`)
  const { result, timer } = limited({ milliseconds, late }, judge)
  timer.unref()
  return result
}

function stillWaited(waits: Waits): string {
  const all = [...new Set([...waits].map(({ what }) => what))]
  if (all.length === 0) return ''
  const more = all.length > WAITS_TOLD ? ` and ${all.length - WAITS_TOLD} more` : ''
  return `: still waited for ${all.slice(0, WAITS_TOLD).join(', ')}${more}`
}

function limited<T>(
  { milliseconds, late, signal }: Omit<TimeLimit, 'late'> & { late(waits: Waits): Error },
  work: (signal: AbortSignal) => Promise<T>,
): { readonly result: Promise<T>; readonly timer: NodeJS.Timeout } {
  const controller = new AbortController()
  const waits: Waits = current.getStore()?.waits ?? new Set()
  // No limit on listeners: there are as many as there are operations under way.
  setMaxListeners(0, controller.signal)
  const { promise, resolve, reject } = deferred<T>()
  const end = (reason: unknown) => {
    reject(reason)
    controller.abort(reason)
  }
  const timer = setTimeout(() => end(late(waits)), milliseconds)
  const stopListening = [deadlineSignal(), signal].map(outer => onAbort(outer, end))
  const settle = () => {
    clearTimeout(timer)
    for (const stop of stopListening) stop()
  }
  if (!controller.signal.aborted) {
    current
      .run({ signal: controller.signal, waits }, async () => work(controller.signal))
      .then(resolve, reject)
  }
  promise.then(settle, settle)
  return { result: promise, timer }
}

/**
 * Calls back when a signal aborts, at once if it already has. The returned function removes the
 * listener.
 */
export function onAbort(signal: AbortSignal | undefined, callback: (reason: unknown) => void): () => void {
  if (signal === undefined) return () => {}
  const listener = () => callback(signal.reason)
  if (signal.aborted) listener()
  else signal.addEventListener('abort', listener, { once: true })
  return () => signal.removeEventListener('abort', listener)
}

function deferred<T>() {
  let resolve: (value: T) => void = () => {}
  let reject: (reason: unknown) => void = () => {}
  const promise = new Promise<T>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}
