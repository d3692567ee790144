/** How often each peer may do something: some of it at once, and then so much of it a second (a token bucket for each). */
import type { Peer } from './peers.ts'

export interface Pace {
  /** What may be done at once by somebody who did nothing for a while. */
  readonly burst: number
  readonly perSecond: number
}

export interface Paces {
  /** Counts one; false, with nothing counted, if it is too early. */
  spend(name: string): boolean
  /** Milliseconds until there is one to spend; 0: there is one. */
  wait(name: string): number
  /** How many peers are remembered: those who did something lately. */
  size(): number
}

/** What tells the time, in milliseconds, and calls back later. */
export interface Clock {
  now(): number
  after(ms: number, call: () => void): void
}

export const CLOCK: Clock = {
  now: () => performance.now(),
  after: (ms, call) => void setTimeout(call, ms),
}

interface Bucket {
  left: number
  at: number
}

/** Whoever has more names than this, as by user namespaces, has those looked through that need not be kept. */
const NAMES = 1024

/** `now` tells milliseconds, and never goes back. */
export function openPaces({ burst, perSecond }: Pace, now: () => number = CLOCK.now): Paces {
  const buckets = new Map<string, Bucket>()
  let lookAt = NAMES

  function leftIn({ left, at }: Bucket, time: number): number {
    return Math.min(burst, left + ((time - at) * perSecond) / 1000)
  }

  function forgetFull(time: number): void {
    for (const [name, bucket] of buckets) if (leftIn(bucket, time) >= burst) buckets.delete(name)
    // Each look is paid for by as many newcomers as it looks through.
    lookAt = Math.max(NAMES, 2 * buckets.size)
  }

  function left(name: string, time: number): number {
    const bucket = buckets.get(name)
    return bucket === undefined ? burst : leftIn(bucket, time)
  }

  return {
    spend(name) {
      const time = now()
      const before = left(name, time)
      if (before < 1) return false
      buckets.set(name, { left: before - 1, at: time })
      if (buckets.size > lookAt) forgetFull(time)
      return true
    },
    wait: name => Math.max(0, Math.ceil(((1 - left(name, now())) * 1000) / perSecond)),
    size: () => buckets.size,
  }
}

export interface Pacer {
  /** Whether the peer may do it now. If not, those who wait are woken when one of them may. */
  isInTime(peer: Peer): boolean
  spend(peer: Peer): void
}

/** Milliseconds after which those who wait are woken at the latest: another may have to wait less than the first. */
const WAKE_LIMIT = 20

/** The pace of the users of this machine. Root has no limit, nor has another machine. */
export function openPacer(pace: Pace, clock: Clock, wake: () => void): Pacer {
  const paces = openPaces(pace, clock.now)
  let isSet = false
  return {
    isInTime(peer) {
      const ms = isPaced(peer) ? paces.wait(peer.name) : 0
      if (ms > 0 && !isSet) {
        isSet = true
        clock.after(Math.min(ms, WAKE_LIMIT), () => {
          isSet = false
          wake()
        })
      }
      return ms === 0
    },
    spend(peer) {
      if (isPaced(peer)) paces.spend(peer.name)
    },
  }
}

export function isPaced({ isRoot, isLocal }: Peer): boolean {
  return isLocal && !isRoot
}
