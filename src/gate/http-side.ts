/** The process for HTTP, from the inside: a substituter with its own inquiries and cache. */
import { setPriority } from 'node:os'
import { keepLastAnswers } from '../evidence/upstreams/last-answer.ts'
import { gateKey } from '../verifier/machine-key.ts'
import { openResidentCache, type ResidentCache } from '../verifier/resident-cache.ts'
import { answerAsked } from './answer-asked.ts'
import { type AnswerAsked, type AskSocket, openAskSocket } from './ask-socket.ts'
import { openAskers } from './askers.ts'
import { gateHandler } from './handler.ts'
import {
  type FromHttp,
  HTTP_FILE,
  type HttpOrder,
  type JudgeNumbers,
  type Link,
  type ToHttp,
} from './http-link.ts'
import { type HttpServer, openHttpServer } from './http-server.ts'
import type { Log } from './log.ts'
import { limitLog } from './log-limit.ts'
import { logOnce } from './log-once.ts'
import { logProblemsIn } from './log-problems.ts'
import { openMetrics } from './metrics.ts'
import { NarFault } from './nar-faults.ts'
import type { SocketOn } from './socket-file.ts'
import { auditMetrics, standingFamilies } from './standing-metrics.ts'
import { keepUpstreams } from './upstreams.ts'

/** Niceness of this process, so that judging gets the processor first. */
const NICE = 2

/** Milliseconds for which the judge's numbers are reused, however often somebody asks. */
const NUMBERS_MS = 50

/**
 * Serves HTTP until the other process says to close or is gone. Never rejects: if it cannot listen,
 * it tells the other process why.
 */
export async function serveHttp(link: Link<FromHttp, ToHttp>, fullLog: Log): Promise<void> {
  const { log, forget } = logOnce(limitLog(fullLog))
  // Only the process that judges handles signals. A signal to the whole group reaches both, and
  // answers under way must have time to end.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})
  // Node creates an error for each request whose client went away. Most of its cost is the stack,
  // which nobody reads.
  Error.stackTraceLimit = 0
  beModest()
  const ended = new Promise<void>(resolve => link.onEnd(resolve))
  let side: Awaited<ReturnType<typeof openSide>> | undefined
  const closed = new Promise<void>(resolve => {
    link.onMessage(message => {
      if (message.kind === 'start') {
        openSide(message.order, numbers, log).then(
          opened => {
            side = opened
            link.send({ kind: 'listening', address: opened.address })
          },
          (error: Error) => {
            link.send({ kind: 'failed', message: error.message })
            resolve()
          },
        )
      } else if (message.kind === 'close')
        void (side?.close(message.graceMs) ?? Promise.resolve()).then(resolve)
      else if (message.kind === 'reload') {
        forget()
        link.send(reloaded(() => side?.reload()))
      } else if (message.kind === 'ping') link.send({ kind: 'alive' })
    })
  })
  const numbers = askedNumbers(link)
  await Promise.race([ended, closed])
}

function beModest(): void {
  try {
    setPriority(NICE)
  } catch {
    // Not allowed to: both run at the same priority.
  }
}

function reloaded(reload: () => void): FromHttp {
  try {
    reload()
    return { kind: 'reloaded' }
  } catch (error) {
    return { kind: 'reloaded', problem: (error as Error).message }
  }
}

/**
 * Returns a function that asks the other process for its numbers, once for all who want them at
 * about the same time.
 */
function askedNumbers(link: Link<FromHttp, ToHttp>): () => Promise<JudgeNumbers> {
  const waiting = new Set<(numbers: JudgeNumbers) => void>()
  let last: JudgeNumbers | undefined
  link.onMessage(message => {
    if (message.kind !== 'numbers') return
    last = message.numbers
    setTimeout(() => {
      last = undefined
    }, NUMBERS_MS)
    for (const resolve of waiting) resolve(last)
    waiting.clear()
  })
  return () => {
    if (last !== undefined) return Promise.resolve(last)
    return new Promise(resolve => {
      if (waiting.size === 0) link.send({ kind: 'asks-numbers' })
      waiting.add(resolve)
    })
  }
}

async function openSide({ places, files, ask }: HttpOrder, numbers: () => Promise<JudgeNumbers>, log: Log) {
  const kept = openResidentCache(places)
  const metrics = openMetrics()
  const logProblems = logProblemsIn(places.state)
  const upstreams = keepUpstreams(metrics, log, keepLastAnswers(places.state))
  // Before HTTP, whose metrics count its connections.
  const asked = await openAsked(ask, answerAsked(places, kept), log)
  const printed = async (): Promise<string> => {
    const { counted, gauges } = await numbers()
    const memory = process.memoryUsage.rss() + (gauges['memory_bytes'] ?? 0)
    const now = Math.floor(Date.now() / 1000)
    const policy = policyNow(kept)
    const printed = metrics.print(
      {
        connections: http.connections(),
        askers: asked?.connections() ?? 0,
        connections_refused: http.refused(),
        ...gauges,
        memory_bytes: memory,
      },
      counted,
      [...standingFamilies(policy, places.state, now), logProblems(policy?.decisions)],
    )
    return printed + auditMetrics(places.state)
  }
  const key = gateKey(places.state)
  const handler = gateHandler({ places, kept, key, upstreams, metrics, log }, printed)
  const more = Array.from({ length: files - 1 }, (_, n) => HTTP_FILE + 1 + n)
  const http: HttpServer = await openHttpServer({ fd: HTTP_FILE, more }, handler.handle, {
    onError: error => {
      // What was wrong with each upstream's NAR is in the log already.
      if (!(error instanceof NarFault)) log('error', 'internal error', { why: String(error) })
    },
  })
  return {
    address: http.address,
    reload() {
      kept.forget()
      handler.forget()
      kept.policy()
    },
    async close(graceMs: number) {
      asked?.close()
      await http.close(graceMs)
      upstreams.close()
      kept.close()
    },
  }
}

function policyNow(kept: ResidentCache): ReturnType<ResidentCache['policy']> | undefined {
  try {
    return kept.policy()
  } catch {
    return undefined
  }
}

/** Without it users do without, so that an error here keeps nothing else from being served. */
async function openAsked(on: SocketOn, answer: AnswerAsked, log: Log): Promise<AskSocket | undefined> {
  try {
    return await openAskSocket(on, answer, openAskers())
  } catch (error) {
    log('warning', 'users cannot ask', { why: (error as Error).message })
    return undefined
  }
}
