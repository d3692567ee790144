import http, { type OutgoingHttpHeaders } from 'node:http'
import https, { type AgentOptions } from 'node:https'
import { isIPv6, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { deadlineSignal, onAbort } from '../files/deadline.ts'
import { lookupFor } from './addresses.ts'
import { asSourceError, SourceError, tooLate } from './source-error.ts'

/** Milliseconds for a proxy to open a tunnel, if nothing limits it sooner. */
const TUNNEL_MS = 60_000

export interface Proxy {
  readonly host: string
  readonly port: number
  /** Headers for the proxy alone. May throw FileError. */
  headers(): OutgoingHttpHeaders
}

type Created = (error: Error | null, socket: Duplex) => void

/**
 * An agent whose connections are TLS inside of tunnels through a proxy (CONNECT: RFC 9110, section
 * 9.3.6). The proxy resolves names.
 */
export class TunnelAgent extends https.Agent {
  readonly #proxy: Proxy

  constructor(options: AgentOptions, proxy: Proxy) {
    super(options)
    this.#proxy = proxy
  }

  override createConnection(options: https.RequestOptions, created: Created): undefined {
    const host = options.host ?? ''
    const to = `${isIPv6(host) ? `[${host}]` : host}:${options.port ?? 443}`
    openTunnel(this.#proxy, to).then(
      socket => {
        try {
          const secured = super.createConnection({ ...options, socket } as https.RequestOptions)
          created(null, secured as Duplex)
        } catch (error) {
          socket.destroy()
          created(error as Error, undefined as never)
        }
      },
      error => created(error, undefined as never),
    )
    return undefined
  }
}

/** Rejects with SourceError and FileError. */
async function openTunnel(proxy: Proxy, to: string): Promise<Socket> {
  const headers = { ...proxy.headers(), host: to, 'user-agent': 'nixsig' }
  const signal = deadlineSignal()
  return new Promise((resolve, reject) => {
    const request = http.request({
      host: proxy.host,
      port: proxy.port,
      method: 'CONNECT',
      path: to,
      headers,
      agent: false,
      lookup: lookupFor({ reach: 'anywhere' }),
      insecureHTTPParser: false,
    })
    const fail = (error: SourceError) => {
      clearTimeout(timer)
      stopListening()
      reject(error)
      request.destroy()
    }
    const timer = setTimeout(() => fail(tooLate('no answer from the proxy')), TUNNEL_MS)
    const stopListening = onAbort(signal, reason => fail(asSourceError(reason)))
    request.once('connect', (response, socket: Socket, head: Buffer) => {
      clearTimeout(timer)
      stopListening()
      // Its listeners are gone, and an error before the next ones would end the program.
      socket.on('error', () => {})
      if (response.statusCode === 200 && head.length === 0) return resolve(socket)
      socket.destroy()
      reject(proxyProblem(response.statusCode ?? 0))
    })
    request.once('response', response => fail(proxyProblem(response.statusCode ?? 0)))
    request.on('error', error => fail(throughProxy(error)))
    request.once('close', () =>
      fail(new SourceError('the proxy closed the connection', { isPassing: true, hardship: 'unreachable' })),
    )
    request.end()
  })
}

/** What a proxy means by a status of its own. */
export function proxyProblem(status: number): SourceError {
  const why = status === 407 ? ': it wants an authorization ("proxy-authorization" in [http])' : ''
  const isPassing = status >= 500
  return new SourceError(`the proxy answered ${status}${why}`, {
    isPassing,
    hardship: isPassing ? 'unreachable' : undefined,
  })
}

function throughProxy(error: unknown): SourceError {
  const { message, ...rest } = asSourceError(error)
  return new SourceError(`the proxy: ${message}`, rest)
}
