/** The gate's HTTP/1.1 server: GET and HEAD without bodies, within limits for every peer. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type Server as Acceptor, createServer as createAcceptor, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import { openTurns, type TurnLimits } from './fair-queue.ts'
import type { HoldLimits } from './held-connections.ts'
import {
  type Connection,
  type ConnectionLimits,
  type Connections,
  keepConnections,
} from './http-connections.ts'
import { Exchange, plain, refusalOf, sendAnswer, unreadable } from './http-exchange.ts'
import type { GateResponse, Handler } from './http-request.ts'
import { BACKLOG } from './listening.ts'
import { type FindPeer, openPeers, type Peer } from './peers.ts'

/**
 * An address to listen at (port 0: any free port), or the descriptor of a socket that listens
 * already, with further descriptors of that socket.
 */
export type ListenOn =
  | { readonly host: string; readonly port: number }
  | { readonly fd: number; readonly more?: readonly number[] }

export interface HttpServer {
  /** The address that it listens at: `127.0.0.1:4649`, `[::1]:4649`. */
  readonly address: string
  connections(): number
  /** How many connections were turned away so far. */
  refused(): number
  /** Stops accepting, closes idle connections, and cuts the others after `graceMs` milliseconds. */
  close(graceMs: number): Promise<void>
}

/** Times in milliseconds. */
export interface HttpLimits {
  readonly connections: ConnectionLimits
  /** Connections whose peer is not known yet. */
  readonly unknown: number
  readonly hold: HoldLimits
  readonly turns: TurnLimits
  /** Requests that a client may send on one connection before it has an answer. */
  readonly pipelined: number
  /** Bytes of the request line and headers together. */
  readonly head: number
  /** For a request to arrive completely, and for a new connection to bring its first one. */
  readonly arrival: number
  /** How long a connection may bring nothing after an answer. */
  readonly idle: number
  /** How long an answer that has begun may stand still, whichever side causes it. */
  readonly stall: number
}

/** The limits of a gate in use. */
export const HTTP_LIMITS: HttpLimits = {
  // Each Nix process opens 25 connections.
  connections: {
    open: {
      root: { each: 2048, all: 2048 },
      client: { each: 256, all: 2048 },
      user: { each: 64, all: 512 },
      machine: { each: 64, all: 512 },
    },
    restraint: {
      opened: {
        client: { each: { burst: 512, perSecond: 50 }, all: { burst: 2048, perSecond: 200 } },
        user: { each: { burst: 256, perSecond: 25 }, all: { burst: 1024, perSecond: 100 } },
      },
      unreadable: { burst: 32, perSecond: 1 },
    },
  },
  unknown: 2048,
  hold: { most: 4096, for: 5000 },
  turns: {
    atOnce: {
      root: { each: 256, all: 256 },
      client: { each: 16, all: 128 },
      user: { each: 8, all: 64 },
      machine: { each: 32, all: 128 },
    },
    // A user's build may have several thousand paths in its closure, with two requests for each.
    pace: {
      client: { each: { burst: 8192, perSecond: 100 }, all: { burst: 16_384, perSecond: 400 } },
      user: { each: { burst: 256, perSecond: 25 }, all: { burst: 1024, perSecond: 100 } },
    },
  },
  // Nix does not pipeline requests.
  pipelined: 8,
  head: 8 * 1024,
  arrival: 10_000,
  // Nix keeps up to 25 connections open, and uses them again after it has built something.
  idle: 75_000,
  stall: 60_000,
}

export interface HttpOptions {
  /** Called with errors of handlers, of streams and in accepting. Must not throw. */
  readonly onError?: (error: unknown) => void
  readonly limits?: Partial<HttpLimits>
  readonly findPeer?: FindPeer
}

/** Milliseconds between two checks for late requests. */
const CHECK_INTERVAL = 1000

/**
 * Listens, and answers each request as the handler says. If the handler throws or rejects, the
 * answer is 500 without details. Rejects if it cannot listen. If a peer has as many connections as
 * it may, a new one replaces the one that has been idle longest, or is turned away.
 */
export async function openHttpServer(
  on: ListenOn,
  handler: Handler,
  options: HttpOptions = {},
): Promise<HttpServer> {
  const { onError = () => {}, findPeer = openPeers() } = options
  const limits = { ...HTTP_LIMITS, ...options.limits }
  const connections = keepConnections(limits.connections, limits.hold)
  const server = createServer({
    maxHeaderSize: limits.head,
    headersTimeout: limits.arrival,
    requestTimeout: limits.arrival,
    connectionsCheckingInterval: Math.min(CHECK_INTERVAL, limits.arrival),
    keepAliveTimeout: limits.idle,
  })
  server.timeout = limits.stall
  // No limit: a header that is dropped might announce a body. Their total size is limited.
  server.maxHeadersCount = 0
  const receive = receiver(handler, connections, limits, onError)
  admitFirst(server, connections, findPeer, limits.unknown)
  server.on('request', receive)
  // For `Expect: 100-continue`: the client is refused at once, before it sends a body.
  server.on('checkContinue', receive)
  server.on('timeout', (socket: Socket) =>
    connections.isThinking(socket) ? socket.setTimeout(limits.stall) : socket.destroy(),
  )
  server.on('clientError', ({ code }: NodeJS.ErrnoException, socket: Socket) =>
    connections.giveUp(socket, unreadable(code)),
  )
  const acceptors = await listen(server, on)
  for (const acceptor of [server, ...acceptors]) acceptor.on('error', onError)
  return {
    address: addressOf(server),
    connections: connections.count,
    refused: connections.refused,
    close: graceMs => close([server, ...acceptors], connections, graceMs),
  }
}

/**
 * Keeps each connection waiting, unread, until its peer is known and there is room for it. Only
 * then does Node's own listener begin to read requests.
 */
function admitFirst(server: Server, connections: Connections, findPeer: FindPeer, limit: number): void {
  const serve = server.listeners('connection') as ((socket: Socket) => void)[]
  server.removeAllListeners('connection')
  // An option of net.createServer that http.createServer does not pass on.
  Object.assign(server, { pauseOnConnect: true })
  let unknown = 0
  function begin(socket: Socket, peer: Peer | undefined): void {
    if (socket.destroyed) return
    if (peer === undefined) return void socket.destroy()
    if (!connections.admit(socket, peer)) return
    for (const listener of serve) listener.call(server, socket)
    socket.resume()
  }
  server.on('connection', (socket: Socket) => {
    const peer = findPeer(socket)
    if (!(peer instanceof Promise)) return begin(socket, peer)
    if (unknown >= limit) return void socket.resetAndDestroy()
    unknown++
    // Errors are ignored until the connection has another listener for them.
    const ignore = () => {}
    socket.on('error', ignore)
    void peer.then(known => {
      unknown--
      begin(socket, known)
      socket.off('error', ignore)
    })
  })
}

/** Handles each request. What can be created once is not created per request. */
function receiver(
  handler: Handler,
  connections: Connections,
  limits: HttpLimits,
  onError: (error: unknown) => void,
) {
  const turns = openTurns(limits.turns)

  function ended(this: ServerResponse): void {
    connections.ended(this.req.socket)
  }

  function failed(exchange: Exchange, error: unknown): void {
    onError(error)
    if (exchange.response.headersSent) exchange.response.destroy()
    else send(exchange, plain(500, 'internal error'))
  }

  function send(exchange: Exchange, answer: GateResponse): void {
    const isLast = connections.isFinishing() && exchange.connection.underWay === 1
    try {
      sendAnswer(exchange, answer, isLast)?.catch(error => failed(exchange, error))
    } catch (error) {
      failed(exchange, error)
    }
  }

  /** Answers at once or when the handler is done; gives the turn back at the answer's end. */
  function answer(exchange: Exchange, done: () => void): void {
    try {
      const answer = handler(exchange)
      if (!(answer instanceof Promise) && !(answer.body instanceof Readable)) done()
      else exchange.response.once('close', done)
      if (answer instanceof Promise)
        answer.then(
          settled => send(exchange, settled),
          error => failed(exchange, error),
        )
      else send(exchange, answer)
    } catch (error) {
      done()
      failed(exchange, error)
    }
  }

  return (message: IncomingMessage, response: ServerResponse): void => {
    const connection = connections.begun(message.socket)
    // The connection was closed in the middle of what it sent.
    if (connection === undefined) return
    response.on('close', ended)
    if (connection.underWay > limits.pipelined) {
      connections.punish(connection)
      return
    }
    const exchange = new Exchange(message, response, connection)
    const refusal = refusalOf(message)
    const begin = (done: () => void) => {
      if (refusal === undefined) return answer(exchange, done)
      done()
      send(exchange, refusal)
    }
    if (connection.underWay === 1) inTurn(connection, begin)
    // Too many requests in one packet must cost nothing: none begins before all of it is read.
    else process.nextTick(inTurn, connection, begin)
  }

  function inTurn({ peer, socket }: Connection, begin: (done: () => void) => void): void {
    turns.take(peer, () => socket.destroyed, begin)
  }
}

/** Listens, and returns the further acceptors for this server. */
async function listen(server: Server, on: ListenOn): Promise<readonly Acceptor[]> {
  const { more = [], ...first } = { more: undefined, ...on }
  await listenOn(server, first)
  const acceptors = more.map(fd => ({ fd, acceptor: acceptorFor(server) }))
  for (const { fd, acceptor } of acceptors) await listenOn(acceptor, { fd })
  return acceptors.map(({ acceptor }) => acceptor)
}

function acceptorFor(server: Server): Acceptor {
  // The options that Node uses for its HTTP servers.
  const options = { allowHalfOpen: true, noDelay: true, pauseOnConnect: true }
  return createAcceptor(options, socket => server.emit('connection', socket))
}

function listenOn(acceptor: Acceptor, on: ListenOn): Promise<void> {
  return new Promise((resolve, reject) => {
    acceptor.once('error', reject)
    // Node ignores `backlog` in the options if it is given a descriptor.
    acceptor.listen({ ...on, backlog: BACKLOG }, BACKLOG, () => {
      acceptor.off('error', reject)
      resolve()
    })
  })
}

function addressOf(server: Server): string {
  const bound = server.address()
  if (bound === null || typeof bound === 'string') return bound ?? ''
  return bound.family === 'IPv6' ? `[${bound.address}]:${bound.port}` : `${bound.address}:${bound.port}`
}

async function close(
  acceptors: readonly Acceptor[],
  connections: Connections,
  graceMs: number,
): Promise<void> {
  const timer = setTimeout(connections.cut, graceMs)
  const closed = acceptors.map(acceptor => new Promise<void>(resolve => acceptor.close(() => resolve())))
  connections.finish()
  await Promise.all(closed)
  clearTimeout(timer)
}
