/**
 * A few processes that speak for one store: started when they are needed, kept while they are used,
 * and ended after a while.
 */
import { StoreError } from '../../../store/store-error.ts'

/** What can be asked, one thing at a time. */
export interface Session {
  isOpen(): boolean
  close(): void
}

export interface SessionLimits {
  /** Sessions at once. */
  readonly count: number
  /** Milliseconds after which an unused one is closed. */
  readonly idle: number
  /** Milliseconds for which none is opened after that failed. */
  readonly pause: number
}

export interface Sessions<T extends Session> {
  /** Waits for a session; the caller has it alone until it gives it back. Rejects as `open` does. */
  take(signal?: AbortSignal): Promise<T>
  /** Gives a session back, open or not. */
  giveBack(session: T): void
  /** Closes all. */
  close(): void
}

interface Waiting<T> {
  resolve(session: T): void
  reject(error: unknown): void
}

/** Opens no session yet. They are opened one after another. */
export function keepSessions<T extends Session>(
  open: () => Promise<T>,
  { count, idle, pause }: SessionLimits,
): Sessions<T> {
  const waiting = new Set<Waiting<T>>()
  const all = new Set<T>()
  const drop = (session: T) => {
    all.delete(session)
    session.close()
  }
  const unused = keepUnused(idle, drop)
  let isOpening = false
  let isClosed = false
  let failure: { readonly error: unknown; readonly until: number } | undefined
  const isFailing = () => failure !== undefined && performance.now() < failure.until

  function hand(session: T): void {
    const [next] = waiting
    if (next === undefined) unused.put(session)
    else {
      waiting.delete(next)
      next.resolve(session)
    }
  }

  function serve(): void {
    for (let session = unused.take(); session !== undefined; session = unused.take()) {
      hand(session)
      if (waiting.size === 0) return
    }
    if (waiting.size > 0 && !isOpening && !isFailing() && all.size < count) void openOne()
  }

  async function openOne(): Promise<void> {
    isOpening = true
    try {
      const session = await open()
      failure = undefined
      all.add(session)
      if (isClosed) drop(session)
      else hand(session)
    } catch (error) {
      failure = { error, until: performance.now() + pause }
      if (all.size === 0) failAll(waiting, error)
    }
    isOpening = false
    serve()
  }

  return {
    take: signal =>
      new Promise((resolve, reject) => {
        if (isClosed) return reject(closed())
        if (all.size === 0 && failure !== undefined && isFailing()) return reject(failure.error)
        const one = { resolve, reject }
        waiting.add(one)
        const giveUp = () => waiting.delete(one) && reject(signal?.reason)
        signal?.addEventListener('abort', giveUp, { once: true })
        serve()
      }),
    giveBack(session) {
      if (session.isOpen() && !isClosed) hand(session)
      else drop(session)
      // Whoever waits gets the reason, if none can be opened.
      if (all.size === 0 && failure !== undefined && isFailing()) failAll(waiting, failure.error)
      serve()
    },
    close() {
      isClosed = true
      unused.clear()
      for (const session of all) drop(session)
      failAll(waiting, closed())
    },
  }
}

function failAll<T>(waiting: Set<Waiting<T>>, error: unknown): void {
  for (const one of waiting) one.reject(error)
  waiting.clear()
}

/** Sessions that nobody has; each is dropped after `idle` milliseconds. */
function keepUnused<T extends Session>(idle: number, drop: (session: T) => void) {
  const timers = new Map<T, NodeJS.Timeout>()
  const forget = (session: T) => {
    clearTimeout(timers.get(session))
    timers.delete(session)
  }
  return {
    put(session: T): void {
      const end = () => {
        forget(session)
        drop(session)
      }
      timers.set(session, setTimeout(end, idle).unref())
    },
    /** One that is open still. */
    take(): T | undefined {
      for (const session of timers.keys()) {
        forget(session)
        if (session.isOpen()) return session
        drop(session)
      }
      return undefined
    },
    clear(): void {
      for (const session of timers.keys()) forget(session)
    },
  }
}

function closed(): StoreError {
  return new StoreError('the connection to the store was closed')
}
