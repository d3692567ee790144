/**
 * Addresses of names. The system's resolver answers a few questions at a time, in the order in which
 * they come, and an answer that does not come takes one of its threads for many seconds. So names
 * that only a redirection brings have few of the threads, and each server that redirects has one.
 */
import { type LookupAddress, lookup } from 'node:dns'
import { orLate } from '../files/deadline.ts'
import { printable } from '../primitives/printable.ts'
import { SourceError } from './source-error.ts'
import { threadCount } from './threads.ts'

export type Addresses = readonly LookupAddress[]

/** Asks the system's resolver for all addresses of a family; 0: of both. */
export type Resolve = (hostname: string, family: number) => Promise<Addresses>

export interface NameLimits {
  /** Questions about redirected names under way at once: in all, and for one server. */
  readonly atOnce: number
  readonly each: number
  /** Redirected names of one server that wait for their turn, however often each is asked for. */
  readonly waiting: number
  /** Milliseconds for an answer about a name of the settings, and about a redirected one. */
  readonly patience: number
  readonly redirectedPatience: number
  /** Milliseconds without an answer after which earlier addresses are used. */
  readonly soon: number
  /** Milliseconds for which addresses are remembered, and for how many names of each kind. */
  readonly memory: number
  readonly names: number
}

/**
 * With so many threads, of which libuv lets half, rounded up, wait for resolvers. A resolver whose
 * first two servers are down takes 30 seconds to ask the third.
 */
function limitsWith(threads: number): NameLimits {
  const resolving = Math.floor((threads + 1) / 2)
  return {
    atOnce: Math.max(1, Math.floor(resolving / 2)),
    each: 1,
    waiting: 16,
    patience: 30_000,
    redirectedPatience: 5000,
    soon: 500,
    memory: 60_000,
    names: 256,
  }
}

export interface Names {
  /**
   * The addresses of a name: of the settings or, if `redirectedBy` names a server of theirs, of a
   * redirection by it. Rejects with the resolver's error, or with SourceError after the limit of
   * time or, for a redirected name, if there is no room for the question. That is a hardship of the
   * server only if its own names take the room.
   */
  addresses(hostname: string, family: number, redirectedBy?: string): Promise<Addresses>
}

/** A question that has one of the resolver's threads. */
interface Running {
  readonly answer: Promise<Addresses>
  /** The server that redirected to it; undefined for a name of the settings. */
  readonly by: string | undefined
  /** Whether a redirected name has waited for as long as who asks for one does. */
  isLate: boolean
}

interface Waiting {
  readonly by: string
  readonly key: string
  /** When who asked gets an error, by performance.now(). */
  readonly until: number
  readonly go: () => void
}

type Keep = (key: string, by: string | undefined, addresses: Addresses) => void

/** Questions to the resolver, by family and name, and those that wait for their turn. */
class Questions {
  readonly #resolve: Resolve
  readonly #limits: NameLimits
  readonly #keep: Keep
  readonly #running = new Map<string, Running>()
  #waiting: readonly Waiting[] = []

  constructor(resolve: Resolve, limits: NameLimits, keep: Keep) {
    this.#resolve = resolve
    this.#limits = limits
    this.#keep = keep
  }

  /** The answer is kept even if it comes too late for who asked. */
  ask(key: string, by: string | undefined): Promise<Addresses> {
    const answer = this.#running.get(key)?.answer ?? this.#begin(key, by)
    answer.then(
      addresses => this.#keep(key, by, addresses),
      () => {},
    )
    return answer
  }

  /**
   * Asks about a redirected name when there is room, and waits for both no longer than the limit.
   */
  askInTurn(key: string, by: string): Promise<Addresses> {
    const { redirectedPatience: patience, waiting } = this.#limits
    if (this.#mayBegin(key, by)) return timely(this.ask(key, by), patience)
    const mine = new Set(this.#waiting.filter(one => one.by === by).map(one => one.key))
    const isFull = !mine.has(key) && mine.size >= waiting
    if (isFull || this.#isStuck(by)) return Promise.reject(noRoom(key))
    let hasBegun = false
    const answer = new Promise<Addresses>((resolve, reject) => {
      const go = () => {
        hasBegun = true
        this.ask(key, by).then(resolve, reject)
      }
      this.#waiting = [...this.#waiting, { by, key, go, until: performance.now() + patience }]
    })
    return orLate(answer, patience, () =>
      Promise.reject(hasBegun || this.#hasAllItsTurns(by) ? late(patience) : noTurn(key)),
    )
  }

  #begin(key: string, by: string | undefined): Promise<Addresses> {
    const [family = '', hostname = ''] = key.split(' ')
    // A timer, not a clock that is read: the two differ by up to a millisecond. It begins before
    // that of whoever asks, and so it ends before it.
    const timer = setTimeout(() => {
      running.isLate = true
    }, this.#limits.redirectedPatience)
    timer.unref()
    const answer = this.#resolve(hostname, Number(family)).finally(() => {
      clearTimeout(timer)
      this.#running.delete(key)
      this.#goOn()
    })
    const running: Running = { answer, by, isLate: false }
    this.#running.set(key, running)
    return answer
  }

  /**
   * Begins those for which there is room now: the servers in turn, the names of each as they came.
   */
  #goOn(): void {
    // Of the others, whoever asked has an error already.
    this.#waiting = this.#waiting.filter(({ until }) => performance.now() < until)
    for (;;) {
      const next = this.#waiting.find(({ key, by }) => this.#mayBegin(key, by))
      if (next === undefined) return
      const others = this.#waiting.filter(other => other !== next)
      const isOfSame = ({ by }: Waiting) => by === next.by
      this.#waiting = [...others.filter(one => !isOfSame(one)), ...others.filter(isOfSame)]
      next.go()
    }
  }

  #mayBegin(key: string, by: string): boolean {
    if (this.#running.has(key)) return true
    return this.#redirected().length < this.#limits.atOnce && !this.#hasAllItsTurns(by)
  }

  #hasAllItsTurns(by: string): boolean {
    return this.#redirected().filter(one => one.by === by).length >= this.#limits.each
  }

  /** Whether a server's own names wait for a resolver that does not answer: no turn comes soon. */
  #isStuck(by: string): boolean {
    const stuck = this.#redirected().filter(one => one.by === by && one.isLate)
    return stuck.length >= this.#limits.each
  }

  #redirected(): readonly Running[] {
    return [...this.#running.values()].filter(({ by }) => by !== undefined)
  }
}

/** Knows nothing at first. */
export function openNames(resolve: Resolve, limits: NameLimits): Names {
  // Apart, so that redirections cannot crowd out the names of the settings.
  const [ours, theirs] = [openMemory(limits), openMemory(limits)]
  const memoryOf = (by: string | undefined) => (by === undefined ? ours : theirs)
  const questions = new Questions(resolve, limits, (key, by, addresses) => memoryOf(by).keep(key, addresses))
  return {
    addresses(hostname, family, by) {
      const key = `${family} ${hostname}`
      const known = memoryOf(by).get(key)
      const asked =
        by === undefined ? timely(questions.ask(key, by), limits.patience) : questions.askInTurn(key, by)
      // What was true a moment ago is better than nothing, and often still true.
      if (known === undefined) return asked
      const earlier = () => known
      return orLate(asked.catch(earlier), limits.soon, earlier)
    },
  }
}

/** What the resolver said lately. */
function openMemory({ memory, names }: NameLimits) {
  const kept = new Map<string, { readonly addresses: Addresses; readonly until: number }>()
  return {
    get(key: string): Addresses | undefined {
      const known = kept.get(key)
      return known !== undefined && performance.now() < known.until ? known.addresses : undefined
    },
    keep(key: string, addresses: Addresses): void {
      kept.delete(key)
      kept.set(key, { addresses, until: performance.now() + memory })
      const [oldest = key] = kept.keys()
      if (kept.size > names) kept.delete(oldest)
    },
  }
}

/** The resolver goes on after the limit: nothing can end it. */
function timely(answer: Promise<Addresses>, milliseconds: number): Promise<Addresses> {
  return orLate(answer, milliseconds, () => Promise.reject(late(milliseconds)))
}

function late(milliseconds: number): SourceError {
  const problem = `no address from the resolver within ${milliseconds / 1000} seconds`
  return new SourceError(problem, { isPassing: true, hardship: 'unreachable' })
}

/** A server's own names are in the way. */
function noRoom(key: string): SourceError {
  const problem = `${redirects(key)} names that it redirected to`
  return new SourceError(problem, { isPassing: true, hardship: 'failing' })
}

/** Names of other servers are in the way, which does not count against this one. */
function noTurn(key: string): SourceError {
  return new SourceError(`${redirects(key)} names that others redirected to`, { isPassing: true })
}

function redirects(key: string): string {
  const name = printable(key.replace(/^\d /, ''), 100)
  return `redirects to "${name}", and the resolver is still busy with`
}

const resolve: Resolve = (hostname, family) =>
  new Promise((found, failed) => {
    lookup(hostname, { all: true, family }, (error, addresses) =>
      error === null ? found(addresses) : failed(error),
    )
  })

let ours: Names | undefined

/** The names that this process asks for. */
export function namesHere(): Names {
  ours ??= openNames(resolve, limitsWith(threadCount()))
  return ours
}
