import { connectionClosed, type SharedConnections } from './shared-connections.ts'
import type { Store } from './store-client.ts'
import { StoreError } from './store-error.ts'

/** Limits on questions that take long; tests give others. */
export interface LaneLimits {
  /** Milliseconds after which a question gets a connection of its own. */
  readonly patience: number
  /** How many such questions are under way at once. */
  readonly apart: number
  /** Milliseconds that such a question waits for a connection of its own before it fails. */
  readonly wait: number
  /** For how many milliseconds a question that took long is expected to do so again. */
  readonly memory: number
}

/** The most questions that are remembered because their answers took long. */
const REMEMBERED = 1024

/** A question to the store, and whoever waits for the answer. */
export interface Question {
  /** Equal for equal questions about one path; undefined for others. */
  readonly key: string | undefined
  /** Asks, and hands over the answer. Rejects if there is none. */
  ask(store: Store): Promise<void>
  fail(error: unknown): void
  /** Whether it was answered or failed. */
  isSettled(): boolean
  /** Whether it was asked on a connection that was lost: it is asked twice at most. */
  isRetried: boolean
}

/** Takes questions; each is asked when it is its turn. */
export interface QuestionLanes {
  put(question: Question): void
  /** Fails all questions that wait. */
  close(): void
}

/**
 * One lane for all, in which one question is under way, and a few connections for questions that
 * take long. One that does moves there with its connection; if all of these are taken, it is given
 * up and asked anew when one is free.
 */
export function openLanes(connections: SharedConnections, limits: LaneLimits): QuestionLanes {
  const waiting: Question[] = []
  const slow = rememberSlow(limits.memory)
  let isBusy = false
  const apart = openApart(limits, async question => {
    if ((await answer(question, connections, connections.take())) === 'lost') again(question)
  })

  function put(question: Question): void {
    if (slow.has(question.key)) apart.put(question)
    else waiting.push(question)
    goOn()
  }

  /** Asks a question that met the loss of its connection before those that were not asked yet. */
  function again(question: Question): void {
    question.isRetried = true
    if (slow.has(question.key)) apart.put(question)
    else waiting.unshift(question)
    goOn()
  }

  function goOn(): void {
    const question = isBusy ? undefined : waiting.shift()
    if (question === undefined) return
    isBusy = true
    void askInLane(question)
  }

  async function askInLane(question: Question): Promise<void> {
    const connecting = connections.take()
    const state: { where: 'lane' | 'apart' | 'given up' } = { where: 'lane' }
    const timer = setTimeout(() => {
      slow.add(question.key)
      state.where = apart.enter() ? 'apart' : 'given up'
      if (state.where === 'given up') {
        connecting.then(connections.drop, () => undefined)
        apart.put(question)
      }
      isBusy = false
      goOn()
    }, limits.patience)
    const end = await answer(question, connections, connecting, () => state.where === 'given up')
    clearTimeout(timer)
    if (state.where === 'lane') isBusy = false
    if (state.where === 'apart') apart.leave()
    if (end === 'lost') again(question)
    goOn()
  }

  return {
    put,
    close() {
      for (const question of waiting.splice(0)) question.fail(connectionClosed())
      apart.close()
    },
  }
}

/**
 * Asks a question on a connection, and settles it. `lost`: the daemon went away before it answered.
 * If the question was given up meanwhile, it is left as it is.
 */
async function answer(
  question: Question,
  connections: SharedConnections,
  connecting: Promise<Store>,
  isGivenUp: () => boolean = () => false,
): Promise<'settled' | 'lost'> {
  let store: Store | undefined
  try {
    store = await connecting
    await question.ask(store)
  } catch (error) {
    if (isGivenUp()) return 'settled'
    const isLost = store !== undefined && error instanceof StoreError && error.isLoss
    if (isLost && !question.isRetried && connections.isOpen()) return 'lost'
    question.fail(error)
  } finally {
    if (store !== undefined) connections.giveBack(store)
  }
  return 'settled'
}

/** Places for questions that take long, and those that wait for such a place. */
function openApart({ apart, wait }: LaneLimits, ask: (question: Question) => Promise<void>) {
  const waiting: { readonly question: Question; readonly since: number }[] = []
  let taken = 0

  function goOn(): void {
    while (taken < apart) {
      const next = waiting.shift()
      if (next === undefined) return
      if (next.question.isSettled()) continue
      if (performance.now() - next.since > wait) {
        next.question.fail(new StoreError('the Nix daemon takes long to answer too many questions'))
        continue
      }
      taken++
      void ask(next.question).finally(leave)
    }
  }

  function leave(): void {
    taken--
    goOn()
  }

  return {
    put(question: Question): void {
      waiting.push({ question, since: performance.now() })
      goOn()
    },
    /** Takes a place for a question that is under way already; false if none is free. */
    enter(): boolean {
      if (taken >= apart) return false
      taken++
      return true
    },
    leave,
    close(): void {
      for (const { question } of waiting.splice(0)) question.fail(connectionClosed())
    },
  }
}

/** Questions whose last answer took long, for a while. */
function rememberSlow(milliseconds: number) {
  const until = new Map<string, number>()
  return {
    add(key: string | undefined): void {
      if (key === undefined) return
      until.delete(key)
      until.set(key, performance.now() + milliseconds)
      const [oldest] = until.keys()
      if (until.size > REMEMBERED && oldest !== undefined) until.delete(oldest)
    },
    has: (key: string | undefined): boolean =>
      key !== undefined && performance.now() < (until.get(key) ?? Number.NEGATIVE_INFINITY),
  }
}
