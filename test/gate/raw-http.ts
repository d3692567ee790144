/**
 * An HTTP client that can send what no ordinary client would, and sees every byte of the answers.
 */
import { connect, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { setTimeout as later } from 'node:timers/promises'
import type { SharesByKind } from '../../src/gate/fair-queue.ts'
import type { ConnectionLimits } from '../../src/gate/http-connections.ts'
import type { Handler } from '../../src/gate/http-request.ts'
import { type HttpOptions, type HttpServer, openHttpServer } from '../../src/gate/http-server.ts'
import type { Peer } from '../../src/gate/peers.ts'

export interface Answer {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export interface RawClient {
  readonly socket: Socket
  /** Each character is sent as one byte. */
  send(text: string): void
  /**
   * The next answer, which must have a content length; the answer to `HEAD` has no body. Rejects if
   * the connection closes first.
   */
  answer(method?: 'GET' | 'HEAD'): Promise<Answer>
  /**
   * Everything that arrived and was not returned by answer(), once the connection is closed.
   * Rejects if that takes more than five seconds.
   */
  rest(): Promise<string>
}

export interface TestServer extends HttpServer {
  readonly port: number
  /** The errors that the server passed to onError. */
  readonly errors: readonly unknown[]
  connect(): Promise<RawClient>
}

/** The peer of all connections, unless a test says otherwise. */
export const SOMEBODY: Peer = { name: 'somebody', kind: 'machine' }

/** The same limit for each peer and for all peers of its kind. */
export function shares(count: number): SharesByKind {
  const share = { each: count, all: count }
  return { root: share, client: share, user: share, machine: share }
}

/**
 * This many connections at the same time for every kind of peer, without a limit of how often they
 * are opened.
 */
export function atMost(count: number): ConnectionLimits {
  return { open: shares(count), restraint: { opened: {}, unreadable: { burst: 1e9, perSecond: 1e9 } } }
}

/** A server on a free port. It and the clients that it makes are closed when the test is over. */
export async function startServer(
  t: TestContext,
  handler: Handler,
  limits: HttpOptions['limits'] = {},
  findPeer: HttpOptions['findPeer'] = () => SOMEBODY,
): Promise<TestServer> {
  const errors: unknown[] = []
  const on = { host: '127.0.0.1', port: 0 }
  const onError = (error: unknown) => errors.push(error)
  const server = await openHttpServer(on, handler, { onError, limits, findPeer })
  t.after(() => server.close(0))
  const port = Number(server.address.split(':')[1])
  return {
    ...server,
    port,
    errors,
    connect: async () => {
      const client = await connectTo(port)
      t.after(() => client.socket.destroy())
      return client
    },
  }
}

function connectTo(port: number): Promise<RawClient> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => resolve(clientOf(socket)))
    socket.once('error', reject)
  })
}

function clientOf(socket: Socket): RawClient {
  let received = ''
  let isClosed = false
  let wake = () => {}
  socket.removeAllListeners('error').on('error', () => {})
  socket.setEncoding('latin1').on('data', text => {
    received += text
    wake()
  })
  socket.on('close', () => {
    isClosed = true
    wake()
  })
  async function next<T>(look: () => T | undefined): Promise<T> {
    for (;;) {
      const found = look()
      if (found !== undefined) return found
      if (isClosed) throw new Error(`the connection was closed after ${JSON.stringify(received)}`)
      await new Promise<void>(resolve => {
        wake = resolve
      })
    }
  }
  return {
    socket,
    send: text => void socket.write(text, 'latin1'),
    answer: (method = 'GET') =>
      next(() => {
        const found = firstAnswer(received, method)
        received = received.slice(found?.end ?? 0)
        return found?.answer
      }),
    async rest() {
      const rest = await Promise.race([
        next(() => (isClosed ? received : undefined)),
        later(5000, undefined, { ref: false }),
      ])
      if (rest === undefined)
        throw new Error(`not closed within 5 seconds, after ${JSON.stringify(received)}`)
      return rest
    },
  }
}

function firstAnswer(text: string, method: 'GET' | 'HEAD') {
  const end = text.indexOf('\r\n\r\n') + 4
  if (end < 4) return undefined
  const [first = '', ...lines] = text.slice(0, end - 4).split('\r\n')
  const headers = Object.fromEntries(
    lines.map(line => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 2)]),
  )
  const length = method === 'HEAD' ? 0 : Number(headers['content-length'])
  if (text.length < end + length) return undefined
  const answer: Answer = {
    status: Number(/^HTTP\/1\.1 (\d{3}) /.exec(first)?.[1]),
    headers,
    body: text.slice(end, end + length),
  }
  return { answer, end: end + length }
}

/** The text of a request. */
export function request(path: string, { method = 'GET', headers = '' } = {}): string {
  return `${method} ${path} HTTP/1.1\r\nHost: gate\r\n${headers}\r\n`
}
