/** Rate limits: each peer has a token bucket, with a burst and a rate per second. */
import type { Peer, PeerKind } from './peers.ts'

/** The limits of a token bucket. */
export interface Pace {
  /** How much may be done at once by a peer that was idle for a while. */
  readonly burst: number
  readonly perSecond: number
}

/** A token bucket for each name. */
export interface Paces {
  /** Takes one token. Returns false, and takes none, if the bucket is empty. */
  spend(name: string): boolean
  /** Milliseconds until there is a token; 0 if there is one now. */
  wait(name: string): number
  /** How many peers are remembered: those whose buckets are not known to be full again. */
  size(): number
}

/** A clock in milliseconds, with a timer. */
export interface Clock {
  now(): number
  after(ms: number, call: () => void): void
}

/** The real clock, which never goes back. */
export const CLOCK: Clock = {
  now: () => performance.now(),
  after: (ms, call) => void setTimeout(call, ms),
}

interface Bucket {
  left: number
  at: number
}

/**
 * When there are more names than this (one user may have many, with user namespaces), full buckets
 * are searched for and dropped.
 */
const NAMES = 1024

/**
 * Rate limits by name, all with the same burst and rate. `now` is in milliseconds and must never go
 * back.
 */
export function openPaces({ burst, perSecond }: Pace, now: () => number = CLOCK.now): Paces {
  const buckets = new Map<string, Bucket>()
  let lookAt = NAMES

  function leftIn({ left, at }: Bucket, time: number): number {
    return Math.min(burst, left + ((time - at) * perSecond) / 1000)
  }

  function forgetFull(time: number): void {
    for (const [name, bucket] of buckets) if (leftIn(bucket, time) >= burst) buckets.delete(name)
    // The next search comes after as many new names as this one looked through, so its cost is
    // shared.
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

/**
 * Limits for each peer of a kind, and for all peers of that kind together. A kind that is left out
 * has no limit.
 */
export type PacesByKind = { readonly [kind in PeerKind]?: { readonly each: Pace; readonly all: Pace } }

/** Token buckets for peers and for kinds of peers. */
export interface PeerPaces {
  /**
   * Takes one token of this peer and one of its kind. Returns false, and takes none, if either is
   * empty.
   */
  spend(peer: Peer): boolean
  /** Milliseconds until both have a token. */
  wait(peer: Peer): number
}

/** Rate limits by kind of peer. `now` is in milliseconds and must never go back. */
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

/** Token buckets, with a wake-up for those who have to wait. */
export interface Pacer {
  /** Whether the peer may go on now. If not, `wake` is called when a peer that waits may. */
  isInTime(peer: Peer): boolean
  spend(peer: Peer): void
}

/**
 * Milliseconds after which `wake` is called at the latest, since another peer may have to wait less
 * than the first one.
 */
const WAKE_LIMIT = 20

/** Rate limits that call `wake` when somebody who had to wait may try again. */
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
