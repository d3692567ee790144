import type { IncomingMessage } from 'node:http'
import { SourceError } from '../../http/source-error.ts'

/**
 * Milliseconds for a whole file. A server that sends it byte by byte never stalls but never
 * finishes.
 */
const STREAM_LIMIT = 6 * 60 * 60 * 1000

/**
 * Ends a body that stalls for `timeout` milliseconds or takes too long in all. Leaves the
 * connection as it was.
 */
export function breakOffStalled(response: IncomingMessage, timeout: number): void {
  const { socket } = response
  const late = () => {
    response.destroy(new SourceError('did not go on with its answer', { isPassing: true }))
  }
  socket.setTimeout(timeout, late)
  const timer = setTimeout(late, STREAM_LIMIT).unref()
  response.once('close', () => clearTimeout(timer))
  // If the body was ended early, the connection has been released already.
  response.once('close', () => socket.setTimeout(0).removeListener('timeout', late))
}
