/**
 * Downloads what a binary cache offers and looks into it; nothing of it is kept. Slow to load, so
 * it is only reached by `import()`.
 */

import { readNar } from '../evidence/upstreams/read-nar.ts'
import type { Offer } from '../evidence/upstreams/upstream.ts'
import { deadlineSignal, onAbort, waitingFor, within } from '../files/deadline.ts'
import type { Found, Wanted } from '../formats/nix/hash-parts.ts'
import { printable } from '../primitives/printable.ts'
import { hashPartsInNar } from '../store/nar-references.ts'

/** The most bytes of a NAR that is looked into. */
const SIZE_LIMIT = 4 * 1024 * 1024 * 1024
/**
 * The time limit for a NAR, in milliseconds: a minimum, plus time by its size for slow lines, up to
 * a maximum.
 */
const TIME_LEAST = 60_000
const TIME_LIMIT = 1_800_000
const BYTES_A_MILLISECOND = 256
/** The number of NARs that are looked into at once, per cache. */
const AT_ONCE = 4
/**
 * The time after which the next cache is asked as well, in milliseconds: a minimum, plus time by
 * the NAR's size, up to a maximum.
 */
const HEAD_START_LEAST = 5000
const HEAD_START_LIMIT = 30_000
const BYTES_A_MILLISECOND_AT_EASE = 1024
/**
 * How long a cache that was overtaken comes last, in milliseconds, and how many such caches are
 * remembered.
 */
const SLOW_MS = 60_000
const SLOW_COUNT = 1000

/** The hash parts found in the contents, or why they are unknown (escaped). */
export type Scanned = { readonly found: Found } | { readonly problem: string }

/**
 * Looks for hash parts in the NAR of these offers, using the first cache that delivers it
 * completely. If a cache takes long, the next one is asked as well; if that one finishes first, the
 * slow one comes last for a while. Bytes, time and memory are bounded, and the scan ends with the
 * judgement. Never rejects for a fault of a cache.
 */
export async function scanOffered(offers: readonly Offer[], wanted: Wanted): Promise<Scanned> {
  const large = offers.find(({ narinfo }) => narinfo.narSize > SIZE_LIMIT)
  if (large !== undefined)
    return { problem: `${large.narinfo.narSize} bytes are more than the ${SIZE_LIMIT} that are looked into` }
  const controller = new AbortController()
  const stopListening = onAbort(deadlineSignal(), reason => controller.abort(reason))
  try {
    return await race(quickFirst(offers), wanted, controller.signal)
  } finally {
    stopListening()
    controller.abort()
  }
}

/** Asks one cache after another, each after a delay or as soon as an earlier one has failed. */
function race(offers: readonly Offer[], wanted: Wanted, signal: AbortSignal): Promise<Scanned> {
  const problems = new Map<Offer, string>()
  let begun = 0
  let timer: NodeJS.Timeout | undefined
  const racing = new Promise<Scanned>((resolve, reject) => {
    const begin = () => {
      clearTimeout(timer)
      const offer = offers[begun]
      if (offer === undefined) return
      const before = offers.slice(0, begun++)
      if (begun < offers.length) timer = setTimeout(begin, headStart(offer))
      attempt(offer, wanted, signal).then(found => {
        // These had more time and are not done.
        for (const other of before) if (!problems.has(other)) beSlow(other.upstream)
        resolve({ found })
      }, failed)
      function failed(error: unknown) {
        if (!(error instanceof Error) || error instanceof TypeError) return reject(error)
        problems.set(offer as Offer, error.message)
        if (problems.size < offers.length) return begin()
        resolve({ problem: offers.map(of => problemOf(of, problems.get(of))).join('; ') })
      }
    }
    begin()
  })
  return racing.finally(() => clearTimeout(timer))
}

function problemOf({ upstream }: Offer, message = ''): string {
  return `${printable(upstream, 200)}: ${printable(message, 200)}`
}

function headStart({ narinfo }: Offer): number {
  return Math.min(HEAD_START_LIMIT, HEAD_START_LEAST + narinfo.narSize / BYTES_A_MILLISECOND_AT_EASE)
}

function attempt(offer: Offer, wanted: Wanted, signal: AbortSignal): Promise<Found> {
  return waitingFor(`a NAR from ${printable(offer.upstream, 200)}`, () =>
    inTurn(offer.upstream, signal, () => scanOne(offer, wanted, signal)),
  )
}

function scanOne(offer: Offer, wanted: Wanted, signal: AbortSignal): Promise<Found> {
  const { narinfo } = offer
  const milliseconds = Math.min(TIME_LIMIT, TIME_LEAST + narinfo.narSize / BYTES_A_MILLISECOND)
  const late = () =>
    new Error(`did not hand out the whole NAR within ${Math.round(milliseconds / 1000)} seconds`)
  // The signal is not enough: a read that never ends must not be waited for.
  return within({ milliseconds, late, signal }, async own => {
    const controller = new AbortController()
    const stopListening = onAbort(own, reason => controller.abort(reason))
    try {
      return await hashPartsInNar(readNar(offer, controller.signal), narinfo, wanted)
    } finally {
      stopListening()
      controller.abort()
    }
  })
}

/** Until when each cache that was overtaken comes last, in the time of performance.now(). */
const SLOW = new Map<string, number>()

function beSlow(upstream: string): void {
  SLOW.delete(upstream)
  SLOW.set(upstream, performance.now() + SLOW_MS)
  if (SLOW.size > SLOW_COUNT) SLOW.delete(SLOW.keys().next().value ?? '')
}

/** Keeps the given order, but puts caches that were slow recently last. */
function quickFirst(offers: readonly Offer[]): readonly Offer[] {
  const now = performance.now()
  const isSlow = ({ upstream }: Offer) => (SLOW.get(upstream) ?? 0) > now
  return [...offers.filter(offer => !isSlow(offer)), ...offers.filter(isSlow)]
}

/** For each cache, how many NARs are under way, and who is waiting for a turn. */
const TURNS = new Map<string, { running: number; readonly waiting: Set<() => void> }>()

/**
 * Runs an action on a cache as soon as few enough others are running there. One cache does not hold
 * up another. If the signal aborts while it waits, rejects with the signal's reason and leaves the
 * queue.
 */
async function inTurn<T>(upstream: string, signal: AbortSignal, action: () => Promise<T>): Promise<T> {
  signal.throwIfAborted()
  const turns = TURNS.get(upstream) ?? { running: 0, waiting: new Set() }
  TURNS.set(upstream, turns)
  if (turns.running < AT_ONCE) turns.running++
  else await turnIn(turns.waiting, signal)
  try {
    return await action()
  } finally {
    const [next] = turns.waiting
    if (next !== undefined) next()
    else if (--turns.running === 0) TURNS.delete(upstream)
  }
}

function turnIn(waiting: Set<() => void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stopListening = onAbort(signal, reason => {
      waiting.delete(take)
      reject(reason)
    })
    function take() {
      waiting.delete(take)
      stopListening()
      resolve()
    }
    waiting.add(take)
  })
}
