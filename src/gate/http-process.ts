/**
 * The process for HTTP, as the process that judges sees it: it is started, watched, and restarted
 * when it ends. This way HTTP clients take no time from the hooks and the plugin, and cannot crash
 * a judgement.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { FileError } from '../files/regular-file.ts'
import { MANY_THREADS } from '../http/threads.ts'
import type { Listen } from '../policy/gate-settings.ts'
import { parseListen } from '../policy/language/gate.ts'
import { FormatError } from '../primitives/format-error.ts'
import { printable } from '../primitives/printable.ts'
import type { Places } from '../verifier/places.ts'
import { type FromHttp, HTTP_FILE, type JudgeNumbers, type ToHttp } from './http-link.ts'
import { ACCEPTORS, withListening } from './listening.ts'
import type { Log } from './log.ts'

/** The process for HTTP while it runs, restarted if it ends. */
export interface HttpProcess {
  /** The address that it listens at: `127.0.0.1:4649`, `[::1]:4649`. */
  readonly address: string
  /** How often it was restarted. */
  restarts(): number
  /**
   * Resolves once it asks and judges everything anew. Rejects with what is wrong with the policy.
   */
  reload(): Promise<void>
  /** Gives answers under way at most `graceMs` milliseconds to end. */
  close(graceMs: number): Promise<void>
}

export interface HttpProcessOptions {
  readonly places: Places
  /** The command that runs the other process: this program with its arguments. */
  readonly command: readonly string[]
  /** The address to listen at, or the descriptor of a socket that listens already. */
  readonly on: Listen | number
  /**
   * The socket that every user may ask: its path, or the descriptor of one that listens already.
   */
  readonly ask: string | number
  readonly numbers: () => JudgeNumbers
  readonly log: Log
  readonly times?: Partial<Times>
}

/** All in milliseconds. */
interface Times {
  /** Pause before it is restarted: the first time, and at most, when it keeps ending. */
  readonly backoff: number
  readonly backoffLimit: number
  /** How often it is asked for a sign of life, and how long it may give none. */
  readonly ping: number
  readonly silence: number
  /** Limit for beginning to listen, and for a reload. */
  readonly start: number
}

const TIMES: Times = { backoff: 100, backoffLimit: 10_000, ping: 5000, silence: 60_000, start: 30_000 }

/** Starts the process. Rejects with the error if it cannot listen. */
export async function startHttpProcess(options: HttpProcessOptions): Promise<HttpProcess> {
  const times = { ...TIMES, ...options.times }
  const { log } = options
  let { on } = options
  let isClosing = false
  let restarts = 0
  let backoff = times.backoff
  let again: NodeJS.Timeout | undefined

  function begin(): Promise<Running> {
    return start({ ...options, on }, times, (child, how) => {
      if (isClosing || child !== running) return
      log('error', 'the process for HTTP ended and is started again', { how })
      restart()
    })
  }

  function restart(): void {
    again = setTimeout(() => {
      restarts++
      begin().then(
        next => {
          if (isClosing) return next.kill()
          running = next
          // The pause is reset only after it has run for a while, so one that keeps ending is
          // restarted less and less often.
          again = setTimeout(() => {
            backoff = times.backoff
          }, times.backoffLimit).unref()
        },
        (error: Error) => {
          log('error', 'the process for HTTP does not start', { why: error.message })
          if (!isClosing) restart()
        },
      )
    }, backoff)
    backoff = Math.min(2 * backoff, times.backoffLimit)
  }

  let running = await begin()
  const { address } = running
  // A restarted process listens at the port that the first one got, so that clients find it.
  if (typeof on !== 'number') on = parseListen(address) ?? on
  return {
    address,
    restarts: () => restarts,
    reload: () => running.reload(),
    close(graceMs) {
      isClosing = true
      clearTimeout(again)
      return running.close(graceMs)
    },
  }
}

interface Running {
  readonly address: string
  reload(): Promise<void>
  close(graceMs: number): Promise<void>
  kill(): void
}

type OnEnd = (running: Running, how: string) => void

async function start(options: HttpProcessOptions, times: Times, onEnd: OnEnd): Promise<Running> {
  const { on } = options
  if (typeof on === 'number') return run(spawn(options, on), options, times, onEnd)
  const child = await withListening(on, ({ file, close }) => {
    const started = spawn(options, file)
    close()
    return started
  }).catch((error: Error) => {
    throw new FileError(error.message)
  })
  return run(child, options, times, onEnd)
}

function spawn({ command: [program = '', ...args], ask }: HttpProcessOptions, file: number): ChildProcess {
  // Descriptor 3 is the channel, so the socket is descriptor 4 in the other process, and those
  // after it.
  const files = new Array<number>(ACCEPTORS).fill(file)
  if (typeof ask === 'number') files.push(ask)
  return fork(program, args, {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc', ...files],
    detached: false,
    env: { ...process.env, UV_THREADPOOL_SIZE: String(MANY_THREADS) },
  })
}

function run(
  child: ChildProcess,
  { places, ask, numbers }: HttpProcessOptions,
  times: Times,
  onEnd: OnEnd,
): Promise<Running> {
  const send = (message: ToHttp) => child.connected && child.send(message, () => {})
  const listeners = new Set<(message: FromHttp) => void>()
  let heard = performance.now()
  child.on('message', (message: FromHttp) => {
    heard = performance.now()
    if (message.kind === 'asks-numbers') send({ kind: 'numbers', numbers: numbers() })
    for (const listener of listeners) listener(message)
  })
  const watch = setInterval(() => {
    if (performance.now() - heard > times.silence) child.kill('SIGKILL')
    else send({ kind: 'ping' })
  }, times.ping).unref()
  child.once('exit', () => clearInterval(watch))
  const askOn = typeof ask === 'string' ? { path: ask } : { fd: HTTP_FILE + ACCEPTORS }
  send({ kind: 'start', order: { places, files: ACCEPTORS, ask: askOn } })
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => {
      child.kill('SIGKILL')
      reject(new FileError(`the process for HTTP did not listen within ${times.start} ms`))
    }, times.start)
    const failed = (error: Error) => {
      clearTimeout(late)
      reject(error)
    }
    child.once('error', failed)
    child.once('exit', (code, signal) => failed(new FileError(`the process for HTTP ${endOf(code, signal)}`)))
    listeners.add(message => {
      if (message.kind === 'failed') failed(new FileError(message.message))
      if (message.kind !== 'listening') return
      clearTimeout(late)
      const running = runningOf(child, message.address, { send, listeners, patience: times.start })
      child.once('exit', (code, signal) => onEnd(running, endOf(code, signal)))
      resolve(running)
    })
  })
}

interface Channel {
  readonly send: (message: ToHttp) => void
  readonly listeners: Set<(message: FromHttp) => void>
  readonly patience: number
}

function runningOf(child: ChildProcess, address: string, { send, listeners, patience }: Channel): Running {
  const ended = new Promise<void>(resolve => child.once('exit', () => resolve()))
  const kill = () => void child.kill('SIGKILL')
  return {
    address,
    kill,
    reload() {
      const done = new Promise<void>((resolve, reject) => {
        const listener = (message: FromHttp) => {
          if (message.kind !== 'reloaded') return
          finish()
          if (message.problem === undefined) resolve()
          else reject(new FormatError('policy', message.problem, address))
        }
        // If the process has ended, its successor reads everything anew.
        ended.then(resolve).then(() => finish())
        const timer = setTimeout(() => {
          finish()
          reject(new FileError('the process for HTTP did not answer'))
        }, patience).unref()
        const finish = () => {
          clearTimeout(timer)
          listeners.delete(listener)
        }
        listeners.add(listener)
      })
      send({ kind: 'reload' })
      return done
    },
    async close(graceMs) {
      send({ kind: 'close', graceMs })
      const timer = setTimeout(kill, graceMs + 1000)
      await ended
      clearTimeout(timer)
    },
  }
}

function endOf(code: number | null, signal: NodeJS.Signals | null): string {
  return signal === null ? `ended with status ${code}` : `was ended by ${printable(signal)}`
}
