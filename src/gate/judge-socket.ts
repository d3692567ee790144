/** The socket at which the resident process answers the hooks. Protocol: docs/resident.md. */
import { createServer, type Socket } from 'node:net'
import { type HookQuestion, parseQuestion, QUESTION_LIMIT } from '../formats/hook-question.ts'
import { errorReply, type HookReply, printReply } from '../formats/hook-reply.ts'
import { FormatError } from '../primitives/format-error.ts'
import { listenOn, type SocketOn } from './socket-file.ts'

/**
 * Answers one question. If it rejects, the reply says only that there was an error, and the hook
 * judges itself.
 */
export type AnswerQuestion = (question: HookQuestion) => Promise<HookReply>

/** The open socket. */
export interface JudgeSocket {
  /** Questions that are being asked or answered, including those whose asker went away. */
  connections(): number
  /**
   * Stops accepting, gives answers under way at most `graceMs` milliseconds, then closes all
   * connections.
   */
  close(graceMs: number): Promise<void>
}

export interface SocketLimits {
  /** Questions at once, including those whose asker went away. */
  readonly connections: number
  /** Milliseconds for a question to arrive, and for a reply to be read. */
  readonly patience: number
}

const LIMITS: SocketLimits = { connections: 256, patience: 10_000 }

/**
 * Opens the socket. A socket that is created here has mode 0600 from the start, and replaces one
 * that nobody serves any more. Throws FileError if the existing one is served, or if somebody else
 * could have created or could replace it.
 */
export async function openJudgeSocket(
  on: SocketOn,
  answer: AnswerQuestion,
  limits: SocketLimits = LIMITS,
): Promise<JudgeSocket> {
  const open = new Set<Socket>()
  /** Open connections that have not asked anything yet. */
  const silent = new Set<Socket>()
  let underWay = 0
  let settled = () => {}

  async function replyTo(socket: Socket): Promise<HookReply> {
    silent.add(socket)
    try {
      const line = await readLine(socket, limits.patience)
      silent.delete(socket)
      return await answerTo(socket, parseQuestion(line), answer)
    } catch (error) {
      silent.delete(socket)
      return errorReply(error instanceof FormatError ? error.message : 'an error in the middle of judging')
    }
  }

  // A client may close its half of the connection once it has asked.
  const server = createServer({ allowHalfOpen: true }, socket => {
    socket.on('error', () => {}) // the asker went away
    if (underWay >= limits.connections) return turnAway(socket)
    underWay++
    open.add(socket)
    socket.on('close', () => open.delete(socket))
    replyTo(socket)
      .then(reply => send(socket, reply, limits.patience))
      .finally(() => {
        underWay--
        if (underWay === 0) settled()
      })
  })
  await listenOn(server, on, 0o600)
  server.on('error', () => {}) // a connection that cannot be accepted; the asker judges itself
  return {
    connections: () => underWay,
    async close(graceMs) {
      server.close()
      for (const socket of silent) socket.destroy()
      const isSettled = (resolve: () => void) => {
        settled = resolve
      }
      if (underWay > 0) await within(graceMs, isSettled)
      for (const socket of open) socket.destroy()
    },
  }
}

function turnAway(socket: Socket): void {
  socket.write(printReply(errorReply('too many questions at once')))
  socket.destroySoon()
}

/**
 * Reads until there is a newline, too many bytes, or no more data. Rejects with FormatError if that
 * takes longer than `patience` milliseconds.
 */
function readLine(socket: Socket, patience: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let received = Buffer.alloc(0)
    const late = () => reject(new FormatError('question', `not there within ${patience} ms`, 'line 1'))
    const timer = setTimeout(late, patience)
    const take = () => {
      clearTimeout(timer)
      socket.off('data', collect)
      resolve(received)
    }
    const collect = (chunk: Buffer) => {
      received = Buffer.concat([received, chunk])
      if (received.length > QUESTION_LIMIT || received.includes('\n')) take()
    }
    socket.on('data', collect)
    socket.once('end', take)
    socket.once('close', take)
  })
}

/**
 * The answer. Throws FormatError if more data arrives meanwhile, since then it is unclear what was
 * asked.
 */
async function answerTo(socket: Socket, question: HookQuestion, answer: AnswerQuestion): Promise<HookReply> {
  let isFollowed = false
  socket.on('data', () => {
    isFollowed = true
  })
  const reply = await answer(question)
  if (isFollowed) throw new FormatError('question', 'is followed by more', 'line 1')
  return reply
}

/** Sends a reply and waits until the other side has hung up, at most `patience` milliseconds. */
async function send(socket: Socket, reply: HookReply, patience: number): Promise<void> {
  if (socket.destroyed) return
  socket.resume()
  await within(patience, resolve => {
    socket.once('close', resolve)
    socket.end(bytesOf(reply))
  })
  socket.destroy()
}

function bytesOf(reply: HookReply): Buffer {
  try {
    return printReply(reply)
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    return printReply(errorReply(error.message))
  }
}

/** Waits for something, at most `ms` milliseconds. */
function within(ms: number, wait: (resolve: () => void) => void): Promise<void> {
  return new Promise(resolve => {
    const timer = setTimeout(resolve, ms)
    wait(() => {
      clearTimeout(timer)
      resolve()
    })
  })
}
