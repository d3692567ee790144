import http, { type IncomingMessage } from 'node:http'
import https from 'node:https'
import type { Socket } from 'node:net'
import { onAbort } from '../files/deadline.ts'
import { barredPlace } from './addresses.ts'
import { refuseCrumbs } from './crumbs.ts'
import { type Destination, leadsInward, type Route } from './route.ts'
import { asSourceError, refused, SourceError } from './source-error.ts'

/** Informational responses (1xx: RFC 9110, section 15.2) allowed before the final one. */
const INFORMATION_LIMIT = 16

const senders = new WeakMap<IncomingMessage, string>()

/**
 * The IP address that a response of `exchange` came from, a proxy's for one; empty if not known.
 */
export function senderOf(response: IncomingMessage): string {
  return senders.get(response) ?? ''
}

/** One request, without redirections. */
export interface Exchange {
  readonly destination: Destination
  readonly headers: Readonly<Record<string, string>>
}

/**
 * The response to one request, once its headers have arrived. Rejects with SourceError on an error,
 * another protocol (101), a connection that closes without a response, or when `signal` aborts. The
 * request has ended then. Rejects with FileError if a file of the route cannot be used.
 */
export async function exchange(
  route: Route,
  { destination, headers }: Exchange,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const { url } = destination
  const { headers: more, ...options } = route.options(destination)
  const all = { ...options, headers: { ...headers, ...more }, insecureHTTPParser: false }
  return new Promise((resolve, reject) => {
    let request: http.ClientRequest
    try {
      request = url.protocol === 'https:' ? https.request(url, all) : http.request(url, all)
    } catch (error) {
      // A file that does not hold the certificate or key that it should.
      return reject(asSourceError(error))
    }
    // Rejects first, since destroying a request emits no event in some of its states.
    const fail = (error: SourceError) => {
      reject(error)
      request.destroy()
    }
    const stopListening = onAbort(signal, reason => fail(asSourceError(reason)))
    let informed = 0
    let isAnswered = false
    request.on('information', () => {
      if (++informed > INFORMATION_LIMIT) fail(refused('goes on announcing an answer, and gives none'))
    })
    request.once('upgrade', (response: IncomingMessage, socket: Socket) => {
      socket.on('error', () => {})
      socket.destroy()
      fail(refused(`answered ${response.statusCode}, and nobody asked for another protocol`))
    })
    request.once('response', response => {
      isAnswered = true
      // While it is connected: a server may close the connection at once.
      senders.set(response, response.socket.remoteAddress ?? '')
      refuseCrumbs(response)
      resolve(response)
    })
    // Also for errors that come too late to reject: without a listener they would end the program.
    request.on('error', error => {
      const place = barredPlace(error)
      fail(place === undefined ? asSourceError(error) : leadsInward(url.hostname, place))
    })
    request.once('close', () => {
      stopListening()
      if (isAnswered) return
      const problem = 'closed the connection without an answer'
      reject(new SourceError(problem, { isPassing: true, hardship: 'unreachable' }))
    })
    request.end()
  })
}
