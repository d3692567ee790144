/** Asks the gate what root would see of a path, as every user may. Protocol: docs/resident.md. */
import { lstatSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Explanation } from '../explain/explain.ts'
import { parseExplanation } from '../explain/explanation-json.ts'
import { protectedPath } from '../files/owned-file.ts'
import {
  ASK_ANSWER_LIMIT,
  ASK_LINE_LIMIT,
  ASK_SOCKET,
  parseAnswer,
  parseAnswerHeader,
  parseGreeting,
  printAsked,
  printIntroduction,
} from '../formats/asker.ts'
import { FormatError } from '../primitives/format-error.ts'
import { printable } from '../primitives/printable.ts'

/** What came of asking. */
export type GateSaid =
  | { readonly kind: 'answered'; readonly explanation: Explanation }
  /** No gate listens there. */
  | { readonly kind: 'absent' }
  /** There is one, or could be, but it gave no valid answer. `why` is escaped. */
  | { readonly kind: 'failed'; readonly why: string }

/** A gate that is asked about one path after the other, over one connection. */
export interface AskedGate {
  /** Never rejects. Throws nothing of what the gate says without a check of its whole form. */
  about(path: string): Promise<GateSaid>
  close(): void
}

/** Milliseconds for an answer, with the time that others' turns take. */
const PATIENCE = 120_000
/** A busy gate may end a connection before it says who it is: see makeRoom in ask-socket.ts. */
const ATTEMPTS = 5
const PAUSE = 50

const ABSENT: readonly unknown[] = ['ENOENT', 'ENOTDIR', 'ECONNREFUSED']

/** Connects when it is first asked. The socket's directory must be root's alone, or this user's. */
export function openAskedGate(path = ASK_SOCKET, patience = PATIENCE): AskedGate {
  let line: Line | undefined
  async function opened(): Promise<Line> {
    for (let attempt = 1; ; attempt++) {
      try {
        line ??= await introduce(path, patience)
        return line
      } catch (error) {
        if (!isBroken(error) || attempt >= ATTEMPTS) throw error
        await sleep(PAUSE * attempt * (0.5 + Math.random()))
      }
    }
  }
  async function ask(asked: string): Promise<GateSaid> {
    const question = printAsked(asked)
    const { socket, read } = await opened()
    socket.write(question)
    const answered = parseAnswer(await read('answer'))
    if (answered.kind === 'error') return { kind: 'failed', why: printable(answered.why, 1000) }
    return { kind: 'answered', explanation: parseExplanation(answered.json, asked) }
  }
  const hangUp = () => {
    line?.socket.destroy()
    line = undefined
  }
  return {
    async about(asked) {
      try {
        const problem = problemOf(path)
        if (problem !== undefined) return problem
        const said = await ask(asked)
        // After an error the gate closes.
        if (said.kind !== 'answered') hangUp()
        return said
      } catch (error) {
        hangUp()
        const { code, message } = error as NodeJS.ErrnoException
        if (ABSENT.includes(code)) return { kind: 'absent' }
        return { kind: 'failed', why: error instanceof FormatError ? message : printable(message, 300) }
      }
    },
    close: hangUp,
  }
}

/** Whoever may write to a socket may ask there; only its place tells who answers. */
function problemOf(path: string): GateSaid | undefined {
  const status = lstatSync(path, { throwIfNoEntry: false })
  if (status === undefined) return { kind: 'absent' }
  if (!status.isSocket()) return { kind: 'failed', why: `${printable(path)} is no socket` }
  if (status.uid !== 0 && status.uid !== process.geteuid?.())
    return { kind: 'failed', why: `${printable(path)} belongs to user ${status.uid}` }
  protectedPath(path)
  return undefined
}

interface Line {
  readonly socket: Socket
  read(what: 'greeting' | 'answer'): Promise<Buffer>
}

/** Shows the name that the gate gives, where only this process can, until it has been looked at. */
async function introduce(path: string, patience: number): Promise<Line> {
  const socket = connect(path)
  const read = reader(socket, patience)
  try {
    const name = parseGreeting((await read('greeting')).toString('latin1'))
    process.title = name
    socket.write(printIntroduction(process.pid))
    return { socket, read }
  } catch (error) {
    socket.destroy()
    throw error
  }
}

/** Whether the connection ended before anything was said. */
function isBroken(error: unknown): boolean {
  const { code, message } = error as NodeJS.ErrnoException
  return code === 'ECONNRESET' || code === 'EPIPE' || code === 'EAGAIN' || message === BROKE_OFF
}

const BROKE_OFF = 'it broke off'

/** Reads what comes next, each within so many milliseconds. */
function reader(socket: Socket, patience: number): Line['read'] {
  let received = Buffer.alloc(0)
  let failure: Error | undefined
  let wake = () => {}
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk])
    if (received.length > ASK_LINE_LIMIT + ASK_ANSWER_LIMIT)
      socket.destroy(new Error(`more than ${ASK_ANSWER_LIMIT} bytes`))
    wake()
  })
  const failed = (error: Error) => {
    failure ??= error
    wake()
  }
  socket.on('error', failed)
  socket.on('close', () => failed(new Error(BROKE_OFF)))
  return what =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => settle(() => reject(new Error(LATE))), patience)
      const settle = (use: () => void) => {
        clearTimeout(timer)
        wake = () => {}
        use()
      }
      wake = () => {
        try {
          const end = endOf(received, what)
          if (end !== undefined) {
            const taken = received.subarray(0, end)
            received = received.subarray(what === 'greeting' ? end + 1 : end)
            return settle(() => resolve(taken))
          }
          const problem = failure
          if (problem !== undefined) settle(() => reject(problem))
        } catch (error) {
          settle(() => reject(error))
        }
      }
      wake()
    })
}

const LATE = 'it gave no answer in time'

/** Where what comes next ends, if it is there in full. Throws FormatError. */
function endOf(received: Buffer, what: 'greeting' | 'answer'): number | undefined {
  const end = received.subarray(0, ASK_LINE_LIMIT).indexOf(10)
  if (end < 0) {
    if (received.length >= ASK_LINE_LIMIT) throw new FormatError(what, 'has no first line', 'line 1')
    return undefined
  }
  if (what === 'greeting') return end
  const { length } = parseAnswerHeader(received.toString('latin1', 0, end))
  const whole = end + 1 + length
  return received.length < whole ? undefined : whole
}
