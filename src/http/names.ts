/**
 * Addresses of names. The system's resolver answers a few questions at a time, in the order in which
 * they come, and an answer that does not come takes one of its threads for many seconds. So names
 * that only a redirection brings have few of the threads, and each server that redirects has one.
 */
import { type LookupAddress, lookup } from 'node:dns'
import { orLate } from '../files/deadline.ts'
import { printable } from '../primitives/printable.ts'
import { SourceError } from './source-error.ts'

export type Addresses = readonly LookupAddress[]

/** Asks the system's resolver for all addresses of a family; 0: of both. */
export type Resolve = (hostname: string, family: number) => Promise<Addresses>

export interface NameLimits {
  /** Questions about redirected names under way at once: in all, and for one server. */
  readonly atOnce: number
  readonly each: number
  /** Redirected names of one server that wait for their turn. */
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

/** As libuv reads it; half of its threads, rounded up, wait for resolvers. */
const THREADS = Math.min(
  1024,
  Math.max(1, Number.parseInt(process.env['UV_THREADPOOL_SIZE'] ?? '4', 10) || 1),
)
const RESOLVING = Math.floor((THREADS + 1) / 2)

/** A resolver whose first two servers are down takes 30 seconds to ask the third. */
const NAME_LIMITS: NameLimits = {
  atOnce: Math.max(1, Math.floor(RESOLVING / 2)),
  each: 1,
  waiting: 16,
  patience: 30_000,
  redirectedPatience: 5000,
  soon: 500,
  memory: 60_000,
  names: 256,
}

export interface Names {
  /**
   * The addresses of a name: of the settings or, if `redirectedBy` names a server of theirs, of a
   * redirection by it. Rejects with the resolver's error, or with SourceError after the limit of
   * time or, for a redirected name, if there is no room for the question.
   */
  addresses(hostname: string, family: number, redirectedBy?: string): Promise<Addresses>
}

/** A question that has one of the resolver's threads. */
interface Running {
  readonly answer: Promise<Addresses>
  /** The server that redirected to it; undefined for a name of the settings. */
  readonly by: string | undefined
  readonly since: number
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

  /** Asks about a redirected name when there is room. */
  askInTurn(key: string, by: string): Promise<Addresses> {
    if (this.#mayBegin(key, by)) return this.ask(key, by)
    const mine = this.#waiting.filter(one => one.by === by)
    if (this.#isStuck(by) || mine.length >= this.#limits.waiting) return Promise.reject(noRoom(key))
    return new Promise((resolve, reject) => {
      const go = () => this.ask(key, by).then(resolve, reject)
      const own = { by, key, go, until: performance.now() + this.#limits.redirectedPatience }
      this.#waiting = [...this.#waiting, own]
    })
  }

  #begin(key: string, by: string | undefined): Promise<Addresses> {
    const [family = '', hostname = ''] = key.split(' ')
    const answer = this.#resolve(hostname, Number(family)).finally(() => {
      this.#running.delete(key)
      this.#goOn()
    })
    this.#running.set(key, { answer, by, since: performance.now() })
    return answer
  }

  /** Begins those for which there is room now, in the order in which they came. */
  #goOn(): void {
    // Of the others, whoever asked has an error already.
    this.#waiting = this.#waiting.filter(({ until }) => performance.now() < until)
    for (const one of this.#waiting) {
      if (!this.#mayBegin(one.key, one.by)) continue
      this.#waiting = this.#waiting.filter(other => other !== one)
      one.go()
    }
  }

  #mayBegin(key: string, by: string): boolean {
    return this.#running.has(key) || !isFull(this.#redirected(), by, this.#limits)
  }

  /** Whether there will not be room soon: what has it waits for a resolver that does not answer. */
  #isStuck(by: string): boolean {
    const since = performance.now() - this.#limits.redirectedPatience
    return isFull(
      this.#redirected().filter(one => one.since <= since),
      by,
      this.#limits,
    )
  }

  #redirected(): readonly Running[] {
    return [...this.#running.values()].filter(({ by }) => by !== undefined)
  }
}

function isFull(running: readonly Running[], by: string, { atOnce, each }: NameLimits): boolean {
  return running.length >= atOnce || running.filter(one => one.by === by).length >= each
}

/** Knows nothing at first. */
export function openNames(resolve: Resolve, limits: NameLimits = NAME_LIMITS): Names {
  // Apart, so that redirections cannot crowd out the names of the settings.
  const [ours, theirs] = [openMemory(limits), openMemory(limits)]
  const memoryOf = (by: string | undefined) => (by === undefined ? ours : theirs)
  const questions = new Questions(resolve, limits, (key, by, addresses) => memoryOf(by).keep(key, addresses))
  return {
    addresses(hostname, family, by) {
      const key = `${family} ${hostname}`
      const known = memoryOf(by).get(key)
      const asked =
        by === undefined
          ? timely(questions.ask(key, by), limits.patience)
          : timely(questions.askInTurn(key, by), limits.redirectedPatience)
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
  const problem = `no address from the resolver within ${milliseconds / 1000} seconds`
  return orLate(answer, milliseconds, () =>
    Promise.reject(new SourceError(problem, { isPassing: true, hardship: 'unreachable' })),
  )
}

function noRoom(key: string): SourceError {
  const name = printable(key.replace(/^\d /, ''), 100)
  const problem = `redirects to "${name}", and the resolver is still busy with names that it redirected to`
  return new SourceError(problem, { isPassing: true, hardship: 'failing' })
}

/** The names that this process asks for. */
export const NAMES = openNames(
  (hostname, family) =>
    new Promise((found, failed) => {
      lookup(hostname, { all: true, family }, (error, addresses) =>
        error === null ? found(addresses) : failed(error),
      )
    }),
)
