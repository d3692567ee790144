/**
 * The socket at which every user may ask what root would see of a path. Protocol and limits:
 * docs/resident.md. It only reads, and lives in the process for HTTP, so that no hook waits for it.
 */
import { createServer, type Socket } from 'node:net'
import {
  type Answered,
  ASK_LINE_LIMIT,
  parseAsked,
  parseIntroduction,
  printAnswer,
  printGreeting,
} from '../formats/asker.ts'
import { FormatError } from '../primitives/format-error.ts'
import { type FindAsker, newAskerName } from './askers.ts'
import { openTurns, type TurnLimits, type Turns } from './fair-queue.ts'
import type { Peer } from './peers.ts'
import { listenOn, type SocketOn } from './socket-file.ts'

/** Answers a question about one store path. If it rejects, the asker is told of an error. */
export type AnswerAsked = (path: string) => Promise<Answered>

/** The open socket. */
export interface AskSocket {
  /** Connections that are open. */
  connections(): number
  /** Stops accepting and closes all connections. */
  close(): void
}

export interface AskLimits {
  /** Connections at once: of all, and of one user who has said who it is. */
  readonly connections: number
  readonly each: number
  /**
   * Milliseconds for an asker to say who it is, for a question to follow, for an answer to be read.
   */
  readonly patience: { readonly introduction: number; readonly question: number; readonly answer: number }
  readonly turns: TurnLimits
}

const NONE = { each: 0, all: 0 }
/** Every asker is a user: see askers.ts. */
const USERS = { each: 1, all: 2 }
const PACE = { each: { burst: 256, perSecond: 50 }, all: { burst: 512, perSecond: 200 } }

export const ASK_LIMITS: AskLimits = {
  connections: 256,
  each: 8,
  patience: { introduction: 5000, question: 30_000, answer: 10_000 },
  turns: {
    atOnce: { root: NONE, client: NONE, user: USERS, machine: NONE },
    pace: { user: PACE },
  },
}

interface Connection {
  readonly socket: Socket
  readonly name: string
  peer?: Peer
}

/**
 * Opens the socket, which has mode 0666 from the start and replaces one that nobody serves any
 * more. Throws FileError as listenOn does.
 */
export async function openAskSocket(
  on: SocketOn,
  answer: AnswerAsked,
  find: FindAsker,
  limits: AskLimits = ASK_LIMITS,
): Promise<AskSocket> {
  const open = new Set<Connection>()
  const turns = openTurns(limits.turns)

  async function serve(connection: Connection): Promise<void> {
    const { socket, name } = connection
    const lines = linesFrom(socket)
    socket.write(printGreeting(name))
    const peer = find(parseIntroduction(await lines.next(limits.patience.introduction)), name)
    if (countOf(open, peer) >= limits.each) throw tooMany('connections of one user')
    connection.peer = peer
    for (;;) {
      const line = await lines.next(limits.patience.question)
      if (line === '') return
      const path = parseAsked(line)
      const said = await inTurn(turns, connection, () => answer(path))
      await send(socket, printAnswer(said), limits.patience.answer)
    }
  }

  const server = createServer(socket => {
    socket.on('error', () => {}) // the asker went away
    if (open.size >= limits.connections && !makeRoom(open)) {
      return end(socket, 'too many ask at once')
    }
    const connection: Connection = { socket, name: newAskerName() }
    open.add(connection)
    socket.on('close', () => open.delete(connection))
    serve(connection).then(
      () => socket.end(),
      (error: unknown) =>
        end(socket, error instanceof FormatError ? error.message : 'an error while it was judged'),
    )
  })
  await listenOn(server, on, 0o666)
  server.on('error', () => {}) // a connection that cannot be accepted; the asker goes on without
  return {
    connections: () => open.size,
    close() {
      server.close()
      for (const { socket } of open) socket.destroy()
    },
  }
}

/**
 * Ends a connection that has not said who it is, any one of them: who opens very many cannot know
 * that they are not his own. False if all have said it.
 */
function makeRoom(open: Set<Connection>): boolean {
  const unknown = [...open].filter(({ peer }) => peer === undefined)
  const chosen = unknown[Math.floor(Math.random() * unknown.length)]
  if (chosen === undefined) return false
  open.delete(chosen)
  chosen.socket.destroy()
  return true
}

function countOf(open: Set<Connection>, { name }: Peer): number {
  return [...open].filter(({ peer }) => peer?.name === name).length
}

function inTurn<T>(turns: Turns, { socket, peer }: Connection, work: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    if (peer === undefined) return reject(new Error('nobody asks'))
    const isOver = () => {
      if (socket.destroyed) reject(new FormatError('question', 'the asker went away', 'its end'))
      return socket.destroyed
    }
    turns.take(peer, isOver, done => {
      work().then(resolve, reject).finally(done)
    })
  })
}

/** The lines of an asker, one at a time. */
interface Lines {
  /**
   * The next line without its newline; empty at the end. Rejects with FormatError if it is too
   * long, or not there within so many milliseconds.
   */
  next(patience: number): Promise<string>
}

function linesFrom(socket: Socket): Lines {
  let received = ''
  let hasEnded = false
  let wake = () => {}
  socket.on('data', chunk => {
    received += chunk.toString('latin1')
    // More than one question ahead: nothing more is read, and the next look refuses it.
    if (received.length > ASK_LINE_LIMIT) socket.pause()
    wake()
  })
  for (const event of ['end', 'close'] as const) {
    socket.on(event, () => {
      hasEnded = true
      wake()
    })
  }
  function take(): string | undefined {
    const at = received.indexOf('\n')
    if (at < 0 && received.length > ASK_LINE_LIMIT) throw malformed(`longer than ${ASK_LINE_LIMIT} bytes`)
    if (at < 0) return hasEnded ? '' : undefined
    const line = received.slice(0, at)
    received = received.slice(at + 1)
    if (received.length > ASK_LINE_LIMIT) throw malformed('is followed by more than one question')
    if (line === '') throw malformed('is empty')
    return line
  }
  return {
    next: patience =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(malformed(`not there within ${patience} ms`)), patience)
        const settle = (use: () => void) => {
          clearTimeout(timer)
          wake = () => {}
          use()
        }
        const look = () => {
          try {
            const line = take()
            if (line !== undefined) settle(() => resolve(line))
          } catch (error) {
            settle(() => reject(error))
          }
        }
        wake = look
        look()
      }),
  }
}

/** Resolves once the bytes are passed on; ends a connection that does not take them in time. */
function send(socket: Socket, bytes: Buffer, patience: number): Promise<void> {
  return new Promise(resolve => {
    const timer = setTimeout(() => socket.destroy(), patience)
    socket.write(bytes, () => {
      clearTimeout(timer)
      resolve()
    })
  })
}

/** Milliseconds after which a connection is closed, whether its last words were read or not. */
const LAST_WORDS = 1000

function end(socket: Socket, why: string): void {
  if (socket.destroyed) return
  socket.end(printAnswer({ kind: 'error', why }))
  setTimeout(() => socket.destroy(), LAST_WORDS).unref()
}

function tooMany(what: string): FormatError {
  return new FormatError('question', `too many ${what}`, 'line 1')
}

function malformed(problem: string): FormatError {
  return new FormatError('question', problem, 'line 1')
}
