/** Whose request is next: each peer in its turn, however many requests one of them has. */
import { CLOCK, type Clock, openPacer, type Pace } from './paces.ts'
import type { Peer } from './peers.ts'

export interface TurnLimits {
  /** Requests that are answered at once: of one user of this machine, and of another machine, where Nix asks for 25. */
  readonly perUser: number
  readonly perMachine: number
  /** Requests of all peers but root. */
  readonly others: number
  /** Root's. */
  readonly root: number
  /** Requests of one user of this machine that are begun. Root has no such limit, nor has another machine. */
  readonly pace: Pace
}

export interface Turns {
  /**
   * Calls back at once if there is room, and else when it is this peer's turn: what one peer asks for begins in the order in
   * which it came. A user who asks for more than the pace allows waits for it, and nobody else does. `isOver` is looked at
   * before: whoever is gone has no turn. The callback may give the turn back by calling `done`, once or more often.
   */
  take(peer: Peer, isOver: () => boolean, begin: (done: () => void) => void): void
  /** How many wait. */
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

export function openTurns(limits: TurnLimits, clock: Clock = CLOCK): Turns {
  const pacer = openPacer(limits.pace, clock, goOn)
  // In the order in which peers get their turn: whoever had one goes to the end.
  const queues = new Map<string, Queue>()
  let others = 0

  function hasRoom({ peer, running }: Queue): boolean {
    if (peer.isRoot) return running < limits.root
    return running < (peer.isLocal ? limits.perUser : limits.perMachine) && others < limits.others
  }

  function begin(queue: Queue, next: Waiting): void {
    pacer.spend(queue.peer)
    queue.running++
    if (!queue.peer.isRoot) others++
    let isDone = false
    next.begin(() => {
      if (isDone) return
      isDone = true
      queue.running--
      if (!queue.peer.isRoot) others--
      goOn()
    })
  }

  let isGoing = false
  let isMore = false

  /** What is done in the middle of it makes room for those who were passed over. */
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
    // The end of the line, which this very round comes to again.
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
