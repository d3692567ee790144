/** Connections that were turned away, and are not closed before a while: whoever floods the gate has no others then. */
import type { Socket } from 'node:net'
import type { Peer } from './peers.ts'

export interface HoldLimits {
  /** Connections that are held. One more is closed at once. */
  readonly most: number
  /** Milliseconds for which each is held. 0: closed at once. */
  readonly for: number
}

export interface HeldConnections {
  /** Reads nothing more of a connection, and closes it in a while. */
  take(socket: Socket): void
  /** Takes it, or closes it at once if it is root's: nix-daemon comes again by itself, less and less often. */
  turnAway(connection: { readonly socket: Socket; readonly peer: Peer }): void
  /** Closes at once what is not held. */
  drop(socket: Socket): void
  /** Closes all that are held, and from now on each at once. */
  release(): void
}

/**
 * A client that is turned away at once opens the next connection at once, and each costs the gate a look at whose it is. A
 * client that waits costs nothing but a little memory.
 */
export function holdConnections(limits: HoldLimits): HeldConnections {
  const held = new Map<Socket, NodeJS.Timeout>()
  let isOver = false

  function take(socket: Socket): void {
    if (isOver || limits.for === 0 || held.size >= limits.most) return void reset(socket)
    socket.pause()
    // Whoever went away meanwhile is nobody's trouble.
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

/** Nothing is left of it on this machine then, as of one that is closed in order for a minute. */
function reset(socket: Socket): void {
  socket.resetAndDestroy()
}
