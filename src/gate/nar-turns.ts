/**
 * Turns of the programs and processes that NARs on their way to clients need, shared by the kinds
 * of peers: whoever reads slowly keeps what it has for long.
 */
import type { StreamTurns } from '../evidence/upstreams/upstream.ts'
import { onAbort } from '../files/deadline.ts'
import { NoTurn } from '../http/program-turns.ts'
import { openTurns, type SharesByKind, type Turns } from './fair-queue.ts'
import type { Peer } from './peers.ts'

/**
 * How many programs decompress at once: as many as one Nix process asks for, whose requests must
 * not wait for each other. Each takes as much memory as in Nix itself.
 */
const UNPACKING: SharesByKind = {
  root: { each: 64, all: 64 },
  client: { each: 16, all: 64 },
  user: { each: 8, all: 32 },
  machine: { each: 32, all: 64 },
}

/** How many programs undo encodings that nobody asked for. Few caches need them. */
const DECODING: SharesByKind = {
  root: { each: 16, all: 16 },
  client: { each: 8, all: 16 },
  user: { each: 2, all: 8 },
  machine: { each: 4, all: 8 },
}

/** How many NARs one store sends: 20 in all, as many as it has processes for them. */
const SENDING: SharesByKind = {
  root: { each: 8, all: 8 },
  client: { each: 6, all: 8 },
  user: { each: 1, all: 2 },
  machine: { each: 1, all: 2 },
}

/**
 * Milliseconds after which somebody who waits for a turn is told that none came. Nix gives up after
 * 300 seconds in which nothing arrives.
 */
const WAIT = 240_000

/** All turns of a gate. */
export interface NarTurns {
  /** The turns as one peer has them. Each rejects with NoTurn, or with the signal's reason. */
  of(peer: Peer): PeerTurns
}

export interface PeerTurns extends StreamTurns {
  /** Of the program that decompresses the file of a NAR. */
  unpacking(signal: AbortSignal): Promise<() => void>
}

/** Nobody has a turn yet. `wait`: the milliseconds for which a peer waits. */
export function openNarTurns(wait = WAIT): NarTurns {
  const open = (atOnce: SharesByKind) => openTurns({ atOnce, pace: {} })
  const [unpacking, decoding] = [open(UNPACKING), open(DECODING)]
  const sending = new Map<string, Turns>()
  const sendingOf = (store: string) => {
    const turns = sending.get(store) ?? open(SENDING)
    sending.set(store, turns)
    return turns
  }
  return {
    of: peer => ({
      unpacking: signal => turnOf(unpacking, { peer, signal, wait }),
      program: signal => turnOf(decoding, { peer, signal, wait }),
      sending: (store, signal) => turnOf(sendingOf(store), { peer, signal, wait }),
    }),
  }
}

interface Wish {
  readonly peer: Peer
  readonly signal: AbortSignal
  readonly wait: number
}

/** Waits for a turn; the function that is returned gives it back. */
function turnOf(turns: Turns, { peer, signal, wait }: Wish): Promise<() => void> {
  return new Promise((resolve, reject) => {
    let isOver = false
    const giveUp = (reason: unknown) => {
      isOver = true
      clearTimeout(timer)
      reject(reason)
    }
    const timer = setTimeout(() => giveUp(new NoTurn(wait)), wait)
    const stopListening = onAbort(signal, giveUp)
    turns.take(
      peer,
      () => isOver,
      done => {
        if (isOver) return done()
        clearTimeout(timer)
        stopListening()
        resolve(done)
      },
    )
  })
}
