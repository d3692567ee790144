/** One request and its answer: which requests the gate accepts, and how an answer is sent. */

import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { addAbortSignal, type Readable } from 'node:stream'
import type { Connection } from './http-connections.ts'
import type { GateRequest, GateResponse, Unreadable } from './http-request.ts'
import type { Peer } from './peers.ts'

const PATH_LIMIT = 2048
const PATH = /^\/[\x21-\x7e]*$/

/**
 * A class because of the getters: few handlers want the signal, and creating one costs time at each
 * request.
 */
export class Exchange implements GateRequest {
  readonly method: 'GET' | 'HEAD'
  readonly path: string
  readonly range: string | undefined
  readonly response: ServerResponse
  readonly connection: Connection
  #abort: AbortController | undefined

  constructor(message: IncomingMessage, response: ServerResponse, connection: Connection) {
    this.method = message.method === 'HEAD' ? 'HEAD' : 'GET'
    this.path = message.url ?? ''
    this.range = message.headers.range
    this.response = response
    this.connection = connection
  }

  get peer(): Peer {
    return this.connection.peer
  }

  get signal(): AbortSignal {
    this.#abort ??= abortOf(this.response, this.connection)
    return this.#abort.signal
  }
}

function abortOf(response: ServerResponse, { aborts, socket }: Connection): AbortController {
  const abort = new AbortController()
  if (socket.destroyed) abort.abort()
  else {
    aborts.add(abort)
    response.once('finish', () => aborts.delete(abort))
  }
  return abort
}

/** The answer to a request that must not reach a handler; undefined if the handler may have it. */
export function refusalOf({ method, url = '', headers }: IncomingMessage): GateResponse | undefined {
  const isWithBody = headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0'
  if (isWithBody) return plain(413, 'requests have no body here', { connection: 'close' })
  if (method !== 'GET' && method !== 'HEAD') return plain(405, 'only GET and HEAD', { allow: 'GET, HEAD' })
  if (url.length > PATH_LIMIT) return plain(414, `more than ${PATH_LIMIT} characters`)
  if (!PATH.test(url)) return plain(400, 'not a path')
  return undefined
}

/**
 * What a client is told about a request that cannot be read. `code` is Node's error code for it.
 */
export function unreadable(code: string | undefined): Unreadable {
  const isLate = code === 'ERR_HTTP_REQUEST_TIMEOUT'
  const tooLarge = code === 'HPE_HEADER_OVERFLOW' ? '431 Request Header Fields Too Large' : '400 Bad Request'
  const status = isLate ? '408 Request Timeout' : tooLarge
  return { words: `HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`, isLate }
}

/** An answer of one line of text. */
export function plain(status: number, words: string, headers: GateResponse['headers'] = {}): GateResponse {
  const body = Buffer.from(`${words}\n`, 'utf8')
  return { status, headers: { 'content-type': 'text/plain; charset=utf-8', ...headers }, body }
}

/**
 * Sends an answer, with `connection: close` if it is the last on its connection. A stream is sent
 * at the pace of its reader. If it breaks off, or does not have the length that its headers
 * promise, the promise rejects; the connection must be closed then, so that the client does not
 * wait for the rest. Throws, before anything is sent, if node:http rejects a status or a header.
 */
export function sendAnswer(
  exchange: Exchange,
  answer: GateResponse,
  isLast: boolean,
): Promise<void> | undefined {
  const { response, method } = exchange
  const { status, headers, body } = answer
  const connection = isLast ? { connection: 'close' } : undefined
  if (typeof body === 'string') {
    // Node writes head and body at once if both are strings, which is what most of the time goes to.
    response.writeHead(status, isLast ? { ...headers, ...connection } : headers)
    response.end(method === 'HEAD' ? undefined : body, 'latin1')
    return undefined
  }
  if (body === undefined || Buffer.isBuffer(body)) {
    response.writeHead(status, { ...headers, 'content-length': body?.length ?? 0, ...connection })
    response.end(method === 'HEAD' ? undefined : body)
    return undefined
  }
  // Ignore errors of a stream that nobody reads any more.
  body.on('error', () => {})
  try {
    response.writeHead(status, { ...headers, ...connection })
  } catch (error) {
    body.destroy()
    throw error
  }
  if (method === 'GET') return stream(exchange, body, headers?.['content-length'])
  body.destroy()
  response.end()
  return undefined
}

async function stream(
  { response, connection, signal }: Exchange,
  body: Readable,
  length?: string,
): Promise<void> {
  connection.streaming++
  addAbortSignal(signal, body)
  let left = length === undefined ? Number.POSITIVE_INFINITY : Number(length)
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      left -= chunk.length
      if (left < 0) throw new Error('a stream is longer than was promised')
      if (!response.write(chunk)) await once(response, 'drain', { signal })
    }
    if (left > 0 && length !== undefined) throw new Error('a stream ended before it was all there')
    response.end()
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    connection.streaming--
  }
}
