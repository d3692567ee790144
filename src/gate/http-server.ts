/** HTTP/1.1 for the gate: GET and HEAD without bodies, over connections that nobody can exhaust. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type Server as Acceptor, createServer as createAcceptor, type Socket } from 'node:net'
import { Readable } from 'node:stream'
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
import { openTurns, type TurnLimits } from './turns.ts'

/**
 * An address to listen at (port 0: any that is free), or the number of a file that listens already, with the numbers of others
 * that are the same socket.
 */
export type ListenOn =
  | { readonly host: string; readonly port: number }
  | { readonly fd: number; readonly more?: readonly number[] }

export interface HttpServer {
  /** Where it is bound: `127.0.0.1:4649`, `[::1]:4649`. */
  readonly address: string
  connections(): number
  /** Connections that were closed for want of room, so far. */
  refused(): number
  /** Accepts no more, closes what is idle, gives answers under way so many milliseconds, then cuts them. */
  close(graceMs: number): Promise<void>
}

/** Times in milliseconds. */
export interface HttpLimits {
  /** Connections. */
  readonly connections: ConnectionLimits
  /** Connections of which it is not known yet whose they are. */
  readonly unknown: number
  /** Connections that were turned away. */
  readonly hold: HoldLimits
  /** Requests that are answered at once. */
  readonly turns: TurnLimits
  /** Requests that a client may send on one connection before it has an answer. */
  readonly pipelined: number
  /** Bytes of a request line and headers together. */
  readonly head: number
  /** For a request to arrive whole, and for a new connection to bring its first one. */
  readonly arrival: number
  /** For which a connection may bring nothing after an answer. */
  readonly idle: number
  /** For which an answer that has begun may stand still, whoever is at fault. */
  readonly stall: number
}

export const HTTP_LIMITS: HttpLimits = {
  // Each process of Nix opens 25.
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
    // A user's build may have some thousand paths in its closure, and asks for two things for each.
    pace: {
      client: { each: { burst: 8192, perSecond: 100 }, all: { burst: 16_384, perSecond: 400 } },
      user: { each: { burst: 256, perSecond: 25 }, all: { burst: 1024, perSecond: 100 } },
    },
  },
  // Nix sends none ahead.
  pipelined: 8,
  head: 8 * 1024,
  arrival: 10_000,
  // Nix keeps up to 25 connections, and comes back to them when it has built something.
  idle: 75_000,
  stall: 60_000,
}

export interface HttpOptions {
  /** Told what a handler threw, why a stream broke, and what goes wrong in accepting. Must not throw. */
  readonly onError?: (error: unknown) => void
  readonly limits?: Partial<HttpLimits>
  /** Whose a connection is. */
  readonly findPeer?: FindPeer
}

/** How often late requests are looked for. */
const CHECK_INTERVAL = 1000

/**
 * Listens, and answers each request as the handler says; if it throws or rejects, with a 500 that says nothing more.
 * Rejects with what listening fails with. Where a peer has as many connections as it may, a newcomer takes the place of the one
 * that is idle for longest, or is closed.
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
  // All of them: one that is left out might be the one that tells of a body. Their size has a limit.
  server.maxHeadersCount = 0
  const receive = receiver(handler, connections, limits, onError)
  admitFirst(server, connections, findPeer, limits.unknown)
  server.on('request', receive)
  // A client that asks before it sends a body is told at once that there is to be none.
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
 * Has each connection wait, unread, until it is known whose it is and that there is room for it; only then Node's own
 * listener begins to read requests.
 */
function admitFirst(server: Server, connections: Connections, findPeer: FindPeer, limit: number): void {
  const serve = server.listeners('connection') as ((socket: Socket) => void)[]
  server.removeAllListeners('connection')
  // What net.createServer has as an option, and http.createServer does not pass on.
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
    // Until there is somebody else to hear of it.
    const ignore = () => {}
    socket.on('error', ignore)
    void peer.then(known => {
      unknown--
      begin(socket, known)
      socket.off('error', ignore)
    })
  })
}

/** What is done with each request. Nothing is made anew for one that could be made once. */
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

  /** Answers at once or when the handler is done, and gives the turn back when nothing of the answer is left. */
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
    // Cut in the middle of what it sent.
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
    // Too many in one piece are to cost nothing: none of them is begun before all of it has been read.
    else process.nextTick(inTurn, connection, begin)
  }

  function inTurn({ peer, socket }: Connection, begin: (done: () => void) => void): void {
    turns.take(peer, () => socket.destroyed, begin)
  }
}

/** Listens, and gives back what else accepts connections for this server. */
async function listen(server: Server, on: ListenOn): Promise<readonly Acceptor[]> {
  const { more = [], ...first } = { more: undefined, ...on }
  await listenOn(server, first)
  const acceptors = more.map(fd => ({ fd, acceptor: acceptorFor(server) }))
  for (const { fd, acceptor } of acceptors) await listenOn(acceptor, { fd })
  return acceptors.map(({ acceptor }) => acceptor)
}

function acceptorFor(server: Server): Acceptor {
  // As Node makes its HTTP servers.
  const options = { allowHalfOpen: true, noDelay: true, pauseOnConnect: true }
  return createAcceptor(options, socket => server.emit('connection', socket))
}

function listenOn(acceptor: Acceptor, on: ListenOn): Promise<void> {
  return new Promise((resolve, reject) => {
    acceptor.once('error', reject)
    // Node does not look at `backlog` where it is given a file.
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
