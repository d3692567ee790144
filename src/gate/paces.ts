/** How often each peer may do something: some of it at once, and then so much of it a second (a token bucket for each). */
import type { Peer, PeerKind } from './peers.ts'

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

/** For each peer of a kind, and for all peers of that kind together. A kind that is left out has no limit. */
export type PacesByKind = { readonly [kind in PeerKind]?: { readonly each: Pace; readonly all: Pace } }

export interface PeerPaces {
  /** Counts one for this peer and one for its kind; false, with nothing counted, if it is too early for either. */
  spend(peer: Peer): boolean
  /** Milliseconds until there is one to spend. */
  wait(peer: Peer): number
}

export function openPacesByKind(limits: PacesByKind, now: () => number = CLOCK.now): PeerPaces {
  const opened = new Map<PeerKind, { readonly each: Paces; readonly all: Paces }>()
  for (const kind of KINDS) {
    const limit = limits[kind]
    if (limit === undefined) continue
    opened.set(kind, { each: openPaces(limit.each, now), all: openPaces(limit.all, now) })
  }

  function wait({ name, kind }: Peer): number {
    const paces = opened.get(kind)
    return paces === undefined ? 0 : Math.max(paces.each.wait(name), paces.all.wait(kind))
  }

  return {
    wait,
    spend(peer) {
      if (wait(peer) > 0) return false
      const paces = opened.get(peer.kind)
      paces?.each.spend(peer.name)
      paces?.all.spend(peer.kind)
      return true
    },
  }
}

const KINDS: readonly PeerKind[] = ['root', 'client', 'user', 'machine']

export interface Pacer {
  /** Whether the peer may do it now. If not, those who wait are woken when one of them may. */
  isInTime(peer: Peer): boolean
  spend(peer: Peer): void
}

/** Milliseconds after which those who wait are woken at the latest: another may have to wait less than the first. */
const WAKE_LIMIT = 20

export function openPacer(limits: PacesByKind, clock: Clock, wake: () => void): Pacer {
  const paces = openPacesByKind(limits, clock.now)
  let isSet = false
  return {
    isInTime(peer) {
      const ms = paces.wait(peer)
      if (ms > 0 && !isSet) {
        isSet = true
        clock.after(Math.min(ms, WAKE_LIMIT), () => {
          isSet = false
          wake()
        })
      }
      return ms === 0
    },
    spend: peer => void paces.spend(peer),
  }
}
