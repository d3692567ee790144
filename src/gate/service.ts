/** The process of `nixsig serve`: a substituter over HTTP, and a judge for the hooks over a Unix socket. */
import type { BuildQuestion, HookQuestion, IncomingQuestion } from '../formats/hook-question.ts'
import { errorReply, type HookReply } from '../formats/hook-reply.ts'
import { DEFAULT_GATE } from '../policy/language/gate.ts'
import type { Listen } from '../policy/policy.ts'
import { printable } from '../primitives/printable.ts'
import { answerHook } from '../verifier/hook-answer.ts'
import { answerIncoming } from '../verifier/incoming.ts'
import { openInquiry } from '../verifier/inquiry.ts'
import { type Kept, keepBetweenInquiries } from '../verifier/kept.ts'
import { gateKey } from '../verifier/machine-key.ts'
import type { Places } from '../verifier/places.ts'
import { gateHandler } from './handler.ts'
import { type ListenOn, openHttpServer } from './http-server.ts'
import { openJudgeSocket } from './judge-socket.ts'
import type { Log } from './log.ts'
import { openMetrics } from './metrics.ts'
import { tellRespites } from './respites.ts'
import { keepUpstreams } from './upstreams.ts'

export interface ServiceOptions {
  readonly places: Places
  /** In place of the policy's. */
  readonly listen: Listen | undefined
  /** Path of the socket for the hooks. */
  readonly socket: string
  /** What systemd opened for us, in place of both. */
  readonly activated: { readonly http?: number; readonly judge?: number }
  /** False if this process may not write to the store: what has to leave it is left to the hooks. */
  readonly takesOut: boolean
  readonly log: Log
}

export interface Service {
  /** Where Nix finds the substituter. */
  readonly url: string
  /** Reads, asks and judges everything anew from now on. Throws what is wrong with the policy. */
  reload(): void
  /** Lets what is under way end, at most so many milliseconds. */
  close(graceMs: number): Promise<void>
}

/**
 * Starts. A policy that cannot be read stops nothing but is told: until it can be, everything is refused. Throws
 * FileError and FormatError for the gate's key and the socket, and what listening throws.
 */
export async function startService(options: ServiceOptions): Promise<Service> {
  const { places, log, socket, activated, takesOut } = options
  const key = gateKey(places.state)
  const kept = keepBetweenInquiries(places)
  const metrics = openMetrics()
  const upstreams = keepUpstreams(metrics)
  const gauges = () => ({
    connections: http.connections(),
    hooks_waiting: judge.connections(),
    memory_bytes: process.memoryUsage.rss(),
  })
  const handler = gateHandler({ places, kept, key, upstreams, metrics, log }, gauges)
  const respites = tellRespites(places.state, log)
  const reload = () => {
    kept.forget()
    handler.forget()
    const { digest } = kept.policy()
    log('info', 'reloaded', { policy: digest })
    respites.tell()
  }

  async function answer(question: HookQuestion): Promise<HookReply> {
    const reply = await replyTo(question)
    metrics.count('hook_questions', { question: question.kind, outcome: reply.outcome })
    return reply
  }
  const open = () => openInquiry(places, { records: true, takesOut, kept })
  async function replyTo(question: HookQuestion): Promise<HookReply> {
    if (question.kind === 'reload') return reloaded(reload)
    return question.kind === 'admit' ? answerPlugin(question) : answerBuild(question)
  }
  async function answerPlugin(question: IncomingQuestion): Promise<HookReply> {
    const reply = await answerIncoming(question, open)
    const { path } = question
    if (reply.outcome === 'refuse') log('warning', 'refused the plugin', { path, why: reply.sentence })
    else log('info', 'answered the plugin', { path })
    return reply
  }
  async function answerBuild(question: BuildQuestion): Promise<HookReply> {
    const reply = await answerHook(question, open)
    const { derivation, kind } = question
    if (reply.outcome === 'refuse')
      log('warning', 'refused a hook', { kind, derivation, why: reply.sentence })
    else log('info', 'answered a hook', { kind, derivation })
    return reply
  }

  const http = await openHttpServer(listenOn(options, kept, log), handler.handle, {
    onError: error => log('error', 'internal error', { why: String(error) }),
  })
  const on = activated.judge === undefined ? { path: socket } : { fd: activated.judge }
  const judge = await openJudgeSocket(on, answer).catch(async error => {
    await http.close(0)
    throw error
  })
  return {
    url: `http://${http.address}`,
    reload,
    async close(graceMs) {
      respites.stop()
      await Promise.all([http.close(graceMs), judge.close(graceMs)])
      upstreams.close()
      kept.close()
    },
  }
}

function reloaded(reload: () => void): HookReply {
  try {
    reload()
    return { ...errorReply(''), outcome: 'done' }
  } catch (error) {
    return errorReply(printable((error as Error).message, 4000))
  }
}

function listenOn({ listen, activated }: ServiceOptions, kept: Kept, log: Log): ListenOn {
  if (activated.http !== undefined) return { fd: activated.http }
  try {
    // Also to be told at once what is wrong with the policy, if anything is.
    const policy = kept.policy()
    return listen ?? policy.gate.listen
  } catch (error) {
    log('error', 'everything is refused', { why: (error as Error).message })
    return listen ?? DEFAULT_GATE.listen
  }
}
