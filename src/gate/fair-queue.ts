/** A fair queue of requests: peers take turns, however many requests one of them has. */

import type { Peer, PeerKind } from './peers.ts'
import { CLOCK, type Clock, openPacer, type PacesByKind } from './rate-limits.ts'

/** How many requests run at once, and how often new ones begin. */
export interface TurnLimits {
  /** How many requests are answered at once. */
  readonly atOnce: SharesByKind
  /** How often requests begin. */
  readonly pace: PacesByKind
}

/** Limits for one peer of a kind, and for all peers of that kind together. */
export type SharesByKind = {
  readonly [kind in PeerKind]: { readonly each: number; readonly all: number }
}

export interface Turns {
  /**
   * Calls `begin` at once if there is room, else when it is this peer's turn. The requests of one
   * peer begin in the order in which they came. A peer that exceeds its pace waits. `isOver` is
   * checked first: a request that is over is skipped. `begin` gets `done`, which gives the turn
   * back; calling it again does nothing.
   */
  take(peer: Peer, isOver: () => boolean, begin: (done: () => void) => void): void
  /** How many requests wait. */
  waiting(): number
}

interface Waiting {
  readonly isOver: () => boolean
  readonly begin: (done: () => void) => void
}

interface Queue {
  readonly peer: Peer
  running: number
  readonly waiting: Waiting[]
}

/** An empty queue with these limits. */
export function openTurns(limits: TurnLimits, clock: Clock = CLOCK): Turns {
  const pacer = openPacer(limits.pace, clock, goOn)
  // In the order in which peers get their turn: a peer that had one goes to the end.
  const queues = new Map<string, Queue>()
  const running: Record<PeerKind, number> = { root: 0, client: 0, user: 0, machine: 0 }

  function hasRoom({ peer: { kind }, running: own }: Queue): boolean {
    const { each, all } = limits.atOnce[kind]
    return own < each && running[kind] < all
  }

  function begin(queue: Queue, next: Waiting): void {
    pacer.spend(queue.peer)
    queue.running++
    running[queue.peer.kind]++
    let isDone = false
    next.begin(() => {
      if (isDone) return
      isDone = true
      queue.running--
      running[queue.peer.kind]--
      goOn()
    })
  }

  let isGoing = false
  let isMore = false

  /**
   * Begins all requests that there is room for. If called from within itself, it only notes that one
   * more round is needed.
   */
  function goOn(): void {
    isMore = true
    if (isGoing) return
    isGoing = true
    while (isMore) {
      isMore = false
      for (const queue of queues.values()) goOnWith(queue)
    }
    isGoing = false
  }

  function goOnWith(queue: Queue): void {
    if (!hasRoom(queue) || (queue.waiting.length > 0 && !pacer.isInTime(queue.peer))) return
    const next = queue.waiting.shift()
    const { name } = queue.peer
    if (next !== undefined || queue.running === 0) queues.delete(name)
    if (next === undefined) return
    // Goes to the end of the queue, which this round reaches again.
    queues.set(name, queue)
    if (!next.isOver()) begin(queue, next)
  }

  return {
    take(peer, isOver, start) {
      const queue = queues.get(peer.name) ?? { peer, running: 0, waiting: [] }
      queues.set(peer.name, queue)
      const next = { isOver, begin: start }
      if (queue.waiting.length === 0 && hasRoom(queue) && pacer.isInTime(queue.peer)) begin(queue, next)
      else queue.waiting.push(next)
    },
    waiting: () => [...queues.values()].reduce((sum, { waiting }) => sum + waiting.length, 0),
  }
}
