/**
 * Connections that were turned away and are closed only after a while, so that whoever floods the
 * gate does not get new ones meanwhile.
 */
import type { Socket } from 'node:net'
import type { Peer } from './peers.ts'

/** How many connections are held, and for how long. */
export interface HoldLimits {
  /** How many connections are held at most; any further one is closed at once. */
  readonly most: number
  /** Milliseconds for which each is held; 0 closes it at once. */
  readonly for: number
}

export interface HeldConnections {
  /** Stops reading a connection, and closes it after a while. */
  take(socket: Socket): void
  /**
   * Holds a connection, or closes it at once if it is root's: nix-daemon retries by itself, with
   * growing pauses.
   */
  turnAway(connection: { readonly socket: Socket; readonly peer: Peer }): void
  /** Closes a connection at once, unless it is held. */
  drop(socket: Socket): void
  /** Closes all that are held, and from now on every connection at once. */
  release(): void
}

/**
 * Holds connections within these limits. A client whose connection is closed at once opens the next
 * one at once, and the gate has to find out each time whose it is. A client that is held costs only
 * a little memory.
 */
export function holdConnections(limits: HoldLimits): HeldConnections {
  const held = new Map<Socket, NodeJS.Timeout>()
  let isOver = false

  function take(socket: Socket): void {
    if (isOver || limits.for === 0 || held.size >= limits.most) return void reset(socket)
    socket.pause()
    // Errors of a client that went away meanwhile do not matter.
    socket.on('error', () => {})
    held.set(
      socket,
      setTimeout(() => reset(socket), limits.for),
    )
    socket.once('close', () => {
      clearTimeout(held.get(socket))
      held.delete(socket)
    })
  }

  return {
    take,
    turnAway: ({ socket, peer }) => (peer.kind === 'root' ? reset(socket) : take(socket)),
    drop(socket) {
      if (!held.has(socket)) socket.destroy()
    },
    release() {
      isOver = true
      for (const socket of held.keys()) reset(socket)
    },
  }
}

/** Closes with a reset. An orderly close would leave the connection in TIME_WAIT for a minute. */
function reset(socket: Socket): void {
  socket.resetAndDestroy()
}
