/** The connections of the gate's HTTP server: how many there are, which of them are idle, and which one goes first. */
import type { Socket } from 'node:net'

export interface Connection {
  readonly socket: Socket
  /** Requests whose answer has not been sent to the end. */
  underWay: number
  /** Those of them whose answer is a stream that has begun. */
  streaming: number
  /** What to tell if the client goes away before it has its answers. */
  readonly aborts: Set<AbortController>
  /** When its last request ended: a number that grows. */
  idleSince: number
}

export interface Connections {
  /** Takes a connection in, at the cost of the one that is idle for longest, or refuses it if all are busy. */
  admit(socket: Socket): void
  /** A request came in. Undefined if its connection is closed. */
  begun(socket: Socket): Connection | undefined
  /** An answer was sent to the end, or cannot be. */
  ended(socket: Socket): void
  /** Whether nothing moves because a handler is not done yet, and not because somebody does not read or send. */
  isThinking(socket: Socket): boolean
  count(): number
  /** From now on a connection ends with the last of its requests; those that have none end now. */
  finish(): void
  isFinishing(): boolean
  /** Ends all of them. */
  cut(): void
}

/** Keeps at most so many connections. One with a request under way is never given up for another. */
export function keepConnections(limit: number): Connections {
  const open = new Map<Socket, Connection>()
  let time = 0
  let isFinishing = false

  /** Looked for only when there are too many: a list in order would cost every request something. */
  function longestIdle(): Connection | undefined {
    let found: Connection | undefined
    for (const connection of open.values()) {
      if (connection.underWay > 0) continue
      if (found === undefined || connection.idleSince < found.idleSince) found = connection
    }
    return found
  }

  function close(connection: Connection): void {
    open.delete(connection.socket)
    for (const abort of connection.aborts) abort.abort()
    connection.aborts.clear()
    connection.socket.destroy()
  }

  function makeRoom(): boolean {
    if (open.size < limit) return true
    const leaving = longestIdle()
    if (leaving !== undefined) close(leaving)
    return leaving !== undefined
  }

  return {
    admit(socket) {
      if (isFinishing || !makeRoom()) {
        socket.destroy()
        return
      }
      const connection = {
        socket,
        underWay: 0,
        streaming: 0,
        aborts: new Set<AbortController>(),
        idleSince: time++,
      }
      open.set(socket, connection)
      socket.once('close', () => close(connection))
    },
    begun(socket) {
      const connection = open.get(socket)
      if (connection !== undefined) connection.underWay++
      return connection
    },
    ended(socket) {
      const connection = open.get(socket)
      if (connection === undefined) return
      connection.underWay--
      connection.idleSince = time++
      if (isFinishing && connection.underWay === 0) socket.destroySoon()
    },
    isThinking(socket) {
      const connection = open.get(socket)
      if (connection === undefined) return false
      return connection.underWay > 0 && connection.streaming === 0 && socket.writableLength === 0
    },
    count: () => open.size,
    finish() {
      isFinishing = true
      for (const connection of open.values()) if (connection.underWay === 0) close(connection)
    },
    isFinishing: () => isFinishing,
    cut() {
      for (const connection of open.values()) close(connection)
    },
  }
}
