/** Listening sockets that one process opens for another. */
import { createServer, type Server } from 'node:net'
import { FileError } from '../files/regular-file.ts'
import type { Listen } from '../policy/gate-settings.ts'

/** Connections that may wait to be accepted. The system may allow fewer (net.core.somaxconn). */
export const BACKLOG = 65_535

/**
 * How often a process is given the same socket. Node accepts one connection from each descriptor
 * per turn of its event loop, however many wait, and one turn may take long.
 */
export const ACCEPTORS = 32

/** A listening socket that can be passed to another process. */
export interface Listening {
  /** The file descriptor. */
  readonly file: number
  /**
   * Closes the socket in this process. Call it in the same turn, before this process can accept
   * anything.
   */
  close(): void
}

/**
 * Opens a listening socket and passes it to the callback. Rejects if it cannot listen, or with what
 * the callback throws.
 */
export function withListening<T>({ host, port }: Listen, use: (listening: Listening) => T): Promise<T> {
  return new Promise((resolve, reject) => {
    const server = createServer(socket => socket.resetAndDestroy())
    server.once('error', reject)
    server.listen({ host, port, backlog: BACKLOG }, () => {
      try {
        resolve(use({ file: fileOf(server), close: () => server.close() }))
      } catch (error) {
        server.close()
        reject(error)
      }
    })
  })
}

/** Node has no public name for the descriptor of a socket. */
function fileOf(server: Server): number {
  const file = (server as { _handle?: { fd?: unknown } })._handle?.fd
  if (typeof file === 'number' && file >= 0) return file
  throw new FileError('this Node does not tell which file a socket is')
}
