import type { IncomingMessage } from 'node:http'
import { SourceError } from '../../http/source-error.ts'
import type { Streamed } from './upstream.ts'

/**
 * Milliseconds for a whole file. A server that sends it byte by byte never stalls but never
 * finishes.
 */
export const STREAM_LIMIT = 6 * 60 * 60 * 1000

/**
 * A response of this status as a stream, which ends with SourceError if it stalls for `timeout`
 * milliseconds. Its encoding is not looked at.
 */
export function streamedResponse(
  response: IncomingMessage,
  status: Streamed['status'],
  timeout: number,
): Streamed {
  breakOffStalled(response, timeout)
  const length = Number(response.headers['content-length'] ?? Number.NaN)
  const { 'content-range': contentRange } = response.headers
  return {
    status,
    length: Number.isSafeInteger(length) ? length : undefined,
    ...(contentRange === undefined ? {} : { contentRange }),
    body: response,
  }
}

/**
 * Ends a body that stalls for `timeout` milliseconds or takes too long in all. Leaves the
 * connection as it was.
 */
function breakOffStalled(response: IncomingMessage, timeout: number): void {
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
