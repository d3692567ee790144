/** A socket that listens, opened by one process for another. */
import { createServer, type Server } from 'node:net'
import { FileError } from '../files/regular-file.ts'
import type { Listen } from '../policy/policy.ts'

/** Connections that wait to be accepted; the system may allow fewer (net.core.somaxconn). */
export const BACKLOG = 65_535

/**
 * How often a process is given the same socket. Node accepts one connection from each file in a turn of its loop, however
 * many wait, and in a turn there is much else to do.
 */
export const ACCEPTORS = 32

export interface Listening {
  /** The number of the file. */
  readonly file: number
  /** To be called before this process comes to accept anything: in the same turn. */
  close(): void
}

/** Calls back with a socket that listens. Rejects with what listening fails with, or what the callback throws. */
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

/** Node has no other name for it. */
function fileOf(server: Server): number {
  const file = (server as { _handle?: { fd?: unknown } })._handle?.fd
  if (typeof file === 'number' && file >= 0) return file
  throw new FileError('this Node does not tell which file a socket is')
}
