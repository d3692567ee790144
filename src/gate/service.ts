/**
 * `nixsig serve`: answers hooks over a Unix socket, and runs the process for HTTP. This process
 * does no HTTP, so judging never waits for it.
 */
import type {
  BuildQuestion,
  BuiltQuestion,
  HookQuestion,
  IncomingQuestion,
} from '../formats/hook-question.ts'
import { errorReply, type HookReply, LEFT_TO_THE_HOOK } from '../formats/hook-reply.ts'
import type { Listen } from '../policy/gate-settings.ts'
import { DEFAULT_GATE } from '../policy/language/gate.ts'
import { printable } from '../primitives/printable.ts'
import { answerHook } from '../verifier/hook-answer.ts'
import { answerIncoming } from '../verifier/incoming.ts'
import { openInquiry } from '../verifier/inquiry.ts'
import { gateKey } from '../verifier/machine-key.ts'
import type { Places } from '../verifier/places.ts'
import { openResidentCache, type ResidentCache } from '../verifier/resident-cache.ts'
import { doorOf, outcomeAt } from './door-answers.ts'
import { type HttpProcess, startHttpProcess } from './http-process.ts'
import { type JudgeSocket, openJudgeSocket } from './judge-socket.ts'
import type { Log } from './log.ts'
import { logOnce } from './log-once.ts'
import { openMetrics } from './metrics.ts'
import { tellRespites } from './respites.ts'
import { tidyLog } from './tidy-log.ts'

export interface ServiceOptions {
  readonly places: Places
  /** The address to listen at, instead of the policy's. */
  readonly listen: Listen | undefined
  /** Path of the socket for the hooks. */
  readonly socket: string
  /** Path of the socket that every user may ask. */
  readonly ask: string
  /** Descriptors that systemd opened, used instead of these. */
  readonly activated: { readonly http?: number; readonly judge?: number; readonly ask?: number }
  /**
   * False if this process may not write to the store; the hooks then remove what has to leave it.
   */
  readonly takesOut: boolean
  /** The command that runs this program as the process for HTTP. */
  readonly httpCommand: readonly string[]
  readonly log: Log
}

/** The running service. */
export interface Service {
  /** The address of the substituter, for Nix's setting. */
  readonly url: string
  /**
   * Drops everything that is remembered, so that all is read, asked and judged anew. Rejects with
   * what is wrong with the policy.
   */
  reload(): Promise<void>
  /** Gives what is under way at most `graceMs` milliseconds to end. */
  close(graceMs: number): Promise<void>
}

/**
 * Starts the service. A policy that cannot be read is logged, and everything is refused until it
 * can be read; the service starts all the same. Throws FileError and FormatError for the gate's key
 * and the socket, and errors of listening.
 */
export async function startService(options: ServiceOptions): Promise<Service> {
  const { places, socket, activated, takesOut, httpCommand } = options
  const { log, forget } = logOnce(options.log)
  // Created here, so that the other process finds it, and errors are reported here.
  gateKey(places.state)
  const kept = openResidentCache(places)
  const metrics = openMetrics()
  let judge: JudgeSocket | undefined
  let http: HttpProcess | undefined
  const numbers = () => ({
    counted: metrics.counted(),
    gauges: {
      hooks_waiting: judge?.connections() ?? 0,
      http_restarts: http?.restarts() ?? 0,
      memory_bytes: process.memoryUsage.rss(),
    },
  })
  const watch = watchState(places.state, kept, log)
  const reload = async () => {
    forget()
    kept.forget()
    const { digest } = kept.policy()
    await http?.reload()
    log('info', 'reloaded', { policy: digest })
    watch.tell()
  }

  async function answer(question: HookQuestion): Promise<HookReply> {
    const reply = await replyTo(question).catch(error => failed(log, question, error))
    metrics.count('hook_questions', { question: question.kind, outcome: reply.outcome })
    const door = doorOf(question)
    if (door !== undefined) metrics.count('door_answers', { door, outcome: outcomeAt(door, reply) })
    return reply
  }
  const open = () => openInquiry(places, { records: true, takesOut, kept })
  async function replyTo(question: HookQuestion): Promise<HookReply> {
    if (question.kind === 'reload') return reloaded(reload)
    return 'path' in question ? answerPlugin(question) : answerBuild(question)
  }
  async function answerPlugin(question: (IncomingQuestion | BuiltQuestion) & ForWhom): Promise<HookReply> {
    const reply = await answerIncoming(question, open, question.asker ?? 'unknown')
    const { path } = question
    if (reply.outcome === 'refuse') log('warning', 'refused the plugin', { path, why: reply.sentence })
    else log('info', 'answered the plugin', { path })
    return reply
  }
  async function answerBuild(question: BuildQuestion & ForWhom): Promise<HookReply> {
    const reply = await answerHook(question, open, question.asker ?? 'unknown').catch(leftToTheHook)
    tellAnswer(log, question, reply)
    return reply
  }

  const on = activated.http ?? listenOn(options, kept, log)
  const ask = activated.ask ?? options.ask
  const started = await startHttpProcess({ places, command: httpCommand, on, ask, numbers, log })
  http = started
  const judgeOn = activated.judge === undefined ? { path: socket } : { fd: activated.judge }
  const opened = await openJudgeSocket(judgeOn, answer).catch(async error => {
    await started.close(0)
    throw error
  })
  judge = opened
  return {
    url: `http://${started.address}`,
    reload,
    async close(graceMs) {
      watch.stop()
      await Promise.all([started.close(graceMs), opened.close(graceMs)])
      kept.close()
    },
  }
}

/** What is done and told at times, whoever asks. `tell` tells anew. */
function watchState(state: string, kept: ResidentCache, log: Log) {
  const respites = tellRespites(state, log)
  const tidying = tidyLog({ state, policy: () => kept.policy(), log })
  const stop = () => {
    respites.stop()
    tidying.stop()
  }
  return { tell: respites.tell, stop }
}

type ForWhom = Pick<HookQuestion, 'asker'>

function tellAnswer(log: Log, { derivation, kind }: BuildQuestion, { outcome, sentence }: HookReply): void {
  if (outcome === 'error') log('info', LEFT_TO_THE_HOOK, { kind, derivation })
  else if (outcome === 'refuse') log('warning', 'refused a hook', { kind, derivation, why: sentence })
  else log('info', 'answered a hook', { kind, derivation })
}

function failed(log: Log, { kind }: HookQuestion, error: unknown): never {
  log('error', 'failed to answer', { kind, why: String((error as Error).message) })
  throw error
}

/** Errors are told apart by name: see refusalOf. */
function leftToTheHook(error: unknown): HookReply {
  if (error instanceof Error && error.name === 'LeftToTheHook') return errorReply(LEFT_TO_THE_HOOK)
  throw error
}

async function reloaded(reload: () => Promise<void>): Promise<HookReply> {
  try {
    await reload()
    return { ...errorReply(''), outcome: 'done' }
  } catch (error) {
    return errorReply(printable((error as Error).message, 4000))
  }
}

function listenOn({ listen }: ServiceOptions, kept: ResidentCache, log: Log): Listen {
  try {
    // Read in any case, so that an error in the policy is logged at once.
    const policy = kept.policy()
    return listen ?? policy.gate.listen
  } catch (error) {
    log('error', 'everything is refused', { why: (error as Error).message })
    return listen ?? DEFAULT_GATE.listen
  }
}
