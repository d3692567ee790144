/** The gate's answers to each request of the binary cache protocol, and to monitoring. */
import { FormatError } from '../primitives/format-error.ts'
import { printable } from '../primitives/printable.ts'
import { askerOf } from './gate-decisions.ts'
import type { GateRequest, GateResponse, Handler } from './http-request.ts'
import { openLogs } from './logs.ts'
import { openNars } from './nars.ts'
import { cacheInfo, notFound, refused, text } from './respond.ts'
import { type GateParts, openSubstituter } from './substituter.ts'

const NARINFO = /^\/([0-9a-df-np-sv-z]{32})\.narinfo$/

const METRICS = 'text/plain; version=0.0.4; charset=utf-8'

/** All metrics, in the text format that `/metrics` serves. */
export type Printed = () => Promise<string>

export interface GateHandler {
  readonly handle: Handler
  /** Drops everything that is remembered, so that all is asked and judged anew. */
  forget(): void
}

/**
 * A handler for all endpoints: narinfo, nar, log, realisations, nix-cache-info, health and metrics.
 * Where an upstream breaks the protocol or does not answer, it answers 502.
 */
export function gateHandler(parts: GateParts, printed: Printed): GateHandler {
  const { kept, metrics, upstreams, log } = parts
  const substituter = openSubstituter(parts)
  const nars = openNars(parts)
  const logs = openLogs(parts)

  /** The name under which a request is counted, and its answer. */
  function route(request: GateRequest): readonly [endpoint: string, GateResponse | Promise<GateResponse>] {
    const { path } = request
    const digest = NARINFO.exec(path)?.[1]
    if (digest !== undefined) return ['narinfo', substituter.narinfo(digest, askerOf(request.peer))]
    if (path === '/nix-cache-info') return ['nix-cache-info', cacheInfo(standings())]
    if (path.startsWith('/nar/')) return ['nar', nars.answer(request)]
    if (path.startsWith('/log/')) return ['log', logs.answer(request)]
    if (/^\/(?:realisations|build-trace-v2)\//.test(path)) return ['realisations', realisation(path)]
    if (path === '/health') return ['health', health()]
    if (path === '/metrics') return ['metrics', metricsNow()]
    return ['other', notFound()]
  }

  /** Realisations are not signed, so nobody can vouch for one. */
  function realisation(path: string): GateResponse {
    const words = `nixsig: refused ${printable(path, 200)}: nobody signs realisations, so none is passed on; next: build it without __contentAddressed`
    return refused(onRefusal(), words)
  }

  /** What is known of the upstreams; nothing while there is no policy. */
  function standings() {
    try {
      return upstreams.current(kept.policy()).standings
    } catch {
      return []
    }
  }

  function onRefusal() {
    try {
      return kept.policy().gate.onRefusal
    } catch {
      return 'fail'
    }
  }

  function health(): GateResponse {
    try {
      return text(200, `ok, policy ${kept.policy().digest}`)
    } catch (error) {
      return text(503, `not ok: ${(error as Error).message}`)
    }
  }

  async function metricsNow(): Promise<GateResponse> {
    const body = Buffer.from(await printed(), 'utf8')
    return { status: 200, headers: { 'content-type': METRICS }, body }
  }

  function failed(error: unknown): GateResponse {
    const isForeseen = error instanceof FormatError || (error as Error).name === 'SourceError'
    log('error', 'no answer', { why: String((error as Error).message) })
    return isForeseen ? text(502, 'the upstream did not answer as it should') : text(500, 'internal error')
  }

  return {
    handle(request) {
      const started = performance.now()
      const [endpoint, answer] = route(request)
      const count = (response: GateResponse): GateResponse => {
        metrics.count('requests', { endpoint, status: String(response.status) })
        metrics.observe('request_seconds', (performance.now() - started) / 1000, { endpoint })
        return response
      }
      return answer instanceof Promise ? answer.catch(failed).then(count) : count(answer)
    },
    forget() {
      upstreams.forget()
      substituter.forget()
    },
  }
}
