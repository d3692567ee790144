/**
 * Time limits over everything that a piece of work waits for. Work that runs under one can ask for its signal and have
 * programs, sockets and locks end with it; but whether it does or not, whoever waits for the work is answered in time.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { setMaxListeners } from 'node:events'
import { FileError } from './regular-file.ts'

/** A minute less than Nix is kept waiting by a hook (hooks/hook.ts): the verdict comes before the hook gives up. */
const JUDGEMENT_MS = 29 * 60 * 1000

/** A limit on the time that something takes. */
export interface TimeLimit {
  readonly milliseconds: number
  /** What the work fails with when it takes longer. */
  late(): Error
  /** Ends it sooner, with the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

/** What is waited for, each from when it is begun until it has ended. */
type Waits = Set<{ readonly what: string }>

const current = new AsyncLocalStorage<{ readonly signal: AbortSignal; readonly waits: Waits }>()

/** Things that are named of all that a judgement still waited for. */
const WAITS_TOLD = 3

/** A judgement took longer than it may. */
export class LateError extends FileError {
  override readonly name = 'LateError'
}

/** Aborts when the time of the innermost limit that the caller works under is over; undefined outside of any. */
export function deadlineSignal(): AbortSignal | undefined {
  return current.getStore()?.signal
}

/**
 * Does something within a limit of time and within all limits that it is called under. Settles exactly once: with what
 * the work comes to or, at the end of the time, with an error, also if the work itself never settles.
 */
export function within<T>(limit: TimeLimit, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  return limited(limit, work).result
}

/** Does something within the limits that it is called under, and settles when they end, if it has not before. */
export function withinCurrent<T>(work: () => Promise<T>): Promise<T> {
  const signal = deadlineSignal()
  if (signal === undefined) return work()
  return new Promise((resolve, reject) => {
    const stopListening = onAbort(signal, reject)
    if (!signal.aborted) work().then(resolve, reject).finally(stopListening)
  })
}

/** Does something that may take long, and names it (escaped) if the judgement's time is over before it has ended. */
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
 * Judges within the limit of every judgement, or a shorter one (milliseconds). Rejects with LateError when it is
 * over. Does not keep a program alive that has nothing left to wait for: that ends then, with the status of a failure.
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
  // As many as wait for something at once.
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

/** Calls back when a signal aborts, at once if it has; the function returned ends that. */
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
