/** The connections of the gate's HTTP server: how many there are, which of them are idle, and which one goes first. */
import type { Socket } from 'node:net'
import { type HoldLimits, holdConnections } from './held-connections.ts'
import type { Unreadable } from './http-request.ts'
import type { Peer, PeerKind } from './peers.ts'
import { openRestraint, type RestraintLimits } from './restraint.ts'
import type { SharesByKind } from './turns.ts'

export interface ConnectionLimits {
  readonly open: SharesByKind
  /** Whose are taken in. */
  readonly restraint: RestraintLimits
}

export interface Connection {
  readonly socket: Socket
  readonly peer: Peer
  /** Requests whose answer has not been sent to the end. */
  underWay: number
  /** Those of them whose answer is a stream that has begun. */
  streaming: number
  /** What to tell if the client goes away before it has its answers. */
  readonly aborts: Set<AbortController>
  /** When its last request ended: a number that grows. */
  idleSince: number
  /** Whether it ever had an answer. */
  isServed: boolean
}

export interface Connections {
  /**
   * Takes a connection of a peer in, or turns it away. It may cost the one that is idle for longest: of that peer if it has as
   * many as it may, else of the peer of its kind that has most.
   */
  admit(socket: Socket, peer: Peer): boolean
  /** A request came in. Undefined if its connection is closed. */
  begun(socket: Socket): Connection | undefined
  /** An answer was sent to the end, or cannot be. */
  ended(socket: Socket): void
  /** Closes a connection that asked for too much, and for a while turns away those that its peer opens. */
  punish(connection: Connection): void
  /**
   * Says that nothing can be read of what a connection sent, and closes it; where its peer does so often, not before a while.
   * One that was late held out long enough.
   */
  giveUp(socket: Socket, unreadable: Unreadable): void
  /** Whether nothing moves because a handler is not done yet, and not because somebody does not read or send. */
  isThinking(socket: Socket): boolean
  count(): number
  /** Those that there was no room for, so far. */
  refused(): number
  /** From now on a connection ends with the last of its requests; those that have none end now. */
  finish(): void
  isFinishing(): boolean
  /** Ends all of them. */
  cut(): void
}

/** Whose connections there are. */
interface Roster {
  add(connection: Connection): void
  remove(connection: Connection): void
  /** Whether one more of this peer is too many, and which one may go for it. */
  crowded(peer: Peer): { readonly leaving: Connection | undefined } | undefined
}

function openRoster(limits: ConnectionLimits): Roster {
  const byPeer = new Map<string, Set<Connection>>()
  const counts: Record<PeerKind, number> = { root: 0, client: 0, user: 0, machine: 0 }

  /** An idle connection of the peer of this kind that has most. */
  function idleOfMost(kind: PeerKind): Connection | undefined {
    let most = 0
    let found: Connection | undefined
    for (const connections of byPeer.values()) {
      const [one] = connections
      if (one === undefined || one.peer.kind !== kind || connections.size <= most) continue
      const idle = longestIdle(connections)
      if (idle === undefined) continue
      most = connections.size
      found = idle
    }
    return found
  }

  return {
    add(connection) {
      const { name, kind } = connection.peer
      const own = byPeer.get(name) ?? new Set()
      byPeer.set(name, own.add(connection))
      counts[kind]++
    },
    remove(connection) {
      const { name, kind } = connection.peer
      const own = byPeer.get(name)
      own?.delete(connection)
      if (own?.size === 0) byPeer.delete(name)
      counts[kind]--
    },
    crowded({ name, kind }) {
      const own = byPeer.get(name) ?? new Set()
      const { each, all } = limits.open[kind]
      if (own.size >= each) return { leaving: longestIdle(own) }
      return counts[kind] < all ? undefined : { leaving: idleOfMost(kind) }
    },
  }
}

/** Looked for only when there are too many: a list in order would cost every request something. */
function longestIdle(among: Iterable<Connection>): Connection | undefined {
  let found: Connection | undefined
  for (const connection of among) {
    if (connection.underWay > 0) continue
    if (found === undefined || connection.idleSince < found.idleSince) found = connection
  }
  return found
}

function newcomer(socket: Socket, peer: Peer, idleSince: number): Connection {
  return { socket, peer, underWay: 0, streaming: 0, aborts: new Set(), idleSince, isServed: false }
}

/** One of its requests has its answer. */
function answered(connection: Connection, idleSince: number): void {
  connection.underWay--
  connection.isServed = true
  connection.idleSince = idleSince
}

function isThinking(connection: Connection | undefined): boolean {
  if (connection === undefined) return false
  return connection.underWay > 0 && connection.streaming === 0 && connection.socket.writableLength === 0
}

/**
 * Keeps at most so many connections. One with a request under way is never given up for another. Those that are turned away
 * are held for a while, as are those that had no answer yet when they were given up; others are closed.
 */
export function keepConnections(limits: ConnectionLimits, hold: HoldLimits): Connections {
  const held = holdConnections(hold)
  const open = new Map<Socket, Connection>()
  const roster = openRoster(limits)
  const restraint = openRestraint(limits.restraint, hold.for)
  let refused = 0
  let time = 0
  let isFinishing = false

  /** Once it is out of the list, whatever ends a connection counts for nothing. */
  function close(connection: Connection, end: () => void = () => connection.socket.destroy()): void {
    if (open.delete(connection.socket)) roster.remove(connection)
    for (const abort of connection.aborts) abort.abort()
    connection.aborts.clear()
    end()
  }

  function makeRoom(peer: Peer): boolean {
    const crowded = roster.crowded(peer)
    const leaving = crowded?.leaving
    if (leaving !== undefined) close(leaving, leaving.isServed ? undefined : () => held.turnAway(leaving))
    return crowded === undefined || crowded.leaving !== undefined
  }

  return {
    admit(socket, peer) {
      if (isFinishing || !restraint.lets(peer) || !makeRoom(peer)) {
        refused++
        held.turnAway({ socket, peer })
        return false
      }
      const connection = newcomer(socket, peer, time++)
      open.set(socket, connection)
      roster.add(connection)
      socket.once('close', () => close(connection))
      return true
    },
    begun(socket) {
      const connection = open.get(socket)
      if (connection !== undefined) connection.underWay++
      return connection
    },
    ended(socket) {
      const connection = open.get(socket)
      if (connection === undefined) return
      answered(connection, time++)
      if (isFinishing && connection.underWay === 0) socket.destroySoon()
    },
    punish(connection) {
      close(connection)
      restraint.punish(connection.peer)
    },
    giveUp(socket, { words, isLate }) {
      const connection = open.get(socket)
      if (connection === undefined) return held.drop(socket)
      if (connection.underWay === 0) socket.write(words)
      if (isLate || restraint.forgives(connection.peer)) close(connection, () => socket.destroySoon())
      else close(connection, () => held.take(socket))
    },
    isThinking: socket => isThinking(open.get(socket)),
    count: () => open.size,
    refused: () => refused,
    finish() {
      isFinishing = true
      held.release()
      for (const connection of open.values()) if (connection.underWay === 0) close(connection)
    },
    isFinishing: () => isFinishing,
    cut() {
      for (const connection of open.values()) close(connection)
    },
  }
}
