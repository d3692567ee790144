/**
 * The connections of the gate's HTTP server: how many there are, which are idle, and which is
 * closed first.
 */
import type { Socket } from 'node:net'
import type { SharesByKind } from './fair-queue.ts'
import { type HoldLimits, holdConnections } from './held-connections.ts'
import type { Unreadable } from './http-request.ts'
import type { Peer, PeerKind } from './peers.ts'
import { openRestraint, type RestraintLimits } from './restraint.ts'

/** How many connections may be open, and how often new ones are accepted. */
export interface ConnectionLimits {
  readonly open: SharesByKind
  /** Which peers may open connections. */
  readonly restraint: RestraintLimits
}

/** A connection that was accepted, and what is under way on it. */
export interface Connection {
  readonly socket: Socket
  readonly peer: Peer
  /** Requests whose answer has not been sent completely. */
  underWay: number
  /** Requests among those whose answer is a stream that has begun. */
  streaming: number
  /** Aborted if the client goes away before it has its answers. */
  readonly aborts: Set<AbortController>
  /** When its last request ended, as the value of a counter. */
  idleSince: number
  /** Whether any request on it was answered. */
  isServed: boolean
}

/** The open connections of a server. */
export interface Connections {
  /**
   * Accepts a connection of a peer, or turns it away and returns false. To make room, it may close
   * the connection that has been idle longest: of that peer if the peer has as many as it may, else
   * of the peer of its kind that has most.
   */
  admit(socket: Socket, peer: Peer): boolean
  /** To be called when a request arrives. Undefined if its connection is closed. */
  begun(socket: Socket): Connection | undefined
  /** To be called when an answer was sent completely, or cannot be sent. */
  ended(socket: Socket): void
  /**
   * Closes a connection that asked for too much, and for a while turns away new ones of its peer.
   */
  punish(connection: Connection): void
  /**
   * Reports that what a connection sent cannot be read, and closes it. If its peer does this often,
   * the connection is held for a while first, unless the request was late: then the peer has waited
   * already.
   */
  giveUp(socket: Socket, unreadable: Unreadable): void
  /**
   * Whether nothing moves because a handler is still at work, rather than because the client does
   * not read or send.
   */
  isThinking(socket: Socket): boolean
  count(): number
  /** How many were turned away so far. */
  refused(): number
  /**
   * From now on each connection is closed after the last of its requests; those without requests
   * are closed now.
   */
  finish(): void
  isFinishing(): boolean
  /** Closes all of them at once. */
  cut(): void
}

/** Keeps track of which peer has which connections. */
interface Roster {
  add(connection: Connection): void
  remove(connection: Connection): void
  /**
   * Undefined if the peer may have one more connection. Otherwise the connection that may be closed
   * for it, if there is one.
   */
  crowded(peer: Peer): { readonly leaving: Connection | undefined } | undefined
}

function openRoster(limits: ConnectionLimits): Roster {
  const byPeer = new Map<string, Set<Connection>>()
  const counts: Record<PeerKind, number> = { root: 0, client: 0, user: 0, machine: 0 }

  /** The longest idle connection of the peer of this kind that has most connections. */
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

/**
 * Searched only when there are too many: keeping a sorted list would cost time at every request.
 */
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

/** Records that one of its requests was answered. */
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
 * Keeps connections within limits. One with a request under way is never closed to make room for
 * another. Connections that are turned away are held for a while, and so are those closed to make
 * room before they had an answer; others are closed.
 */
export function keepConnections(limits: ConnectionLimits, hold: HoldLimits): Connections {
  const held = holdConnections(hold)
  const open = new Map<Socket, Connection>()
  const roster = openRoster(limits)
  const restraint = openRestraint(limits.restraint, hold.for)
  let refused = 0
  let time = 0
  let isFinishing = false

  /** Taken off the list first, so that events of a connection that is closing are ignored. */
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
