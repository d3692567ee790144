import { byPriority } from '../evidence/upstreams/by-priority.ts'
import { openOptions, openUpstream } from '../evidence/upstreams/open-upstream.ts'
import type { Standing } from '../evidence/upstreams/standing.ts'
import type { Said, Upstream, UpstreamAnswer } from '../evidence/upstreams/upstream.ts'
import type { Policy } from '../policy/policy.ts'
import { type RememberingUpstream, remembering } from './cached-upstream.ts'
import type { Log } from './log.ts'
import type { Metrics } from './metrics.ts'

/** The upstreams that the current policy names. */
export interface Upstreams {
  /** Asks all of them about a path at the same time; their answers in the order of `list`. */
  ask(digest: string): Promise<readonly UpstreamAnswer[]>
  /**
   * Until when all of their answers about a path are valid, in milliseconds since 1970; undefined
   * if one of them is not kept.
   */
  until(digest: string): number | undefined
  /** All of them, by priority, and else in the policy's order. */
  readonly list: readonly Upstream[]
  /** What is known of them, in the same order. */
  readonly standings: readonly Standing[]
}

/**
 * Opens the upstreams that a policy's gate settings name, and keeps them open while the policies
 * that follow name the same ones. Counts and times their answers in `metrics`. Logs when one stops
 * answering, and when it answers again; after `forget`, that it does not is news again. `keep` is
 * told every answer.
 */
export function keepUpstreams(metrics: Metrics, log: Log, keep: Attention = () => {}) {
  let held: { readonly settings: string; readonly upstreams: readonly RememberingUpstream[] } | undefined
  let asked: Pick<Policy, 'gate' | 'http'> | undefined
  const attention = payAttention(metrics, log)
  const hear: Attention = (url, said) => {
    attention.heard(url, said)
    keep(url, said)
  }
  const close = () => {
    for (const upstream of held?.upstreams ?? []) upstream.close()
    held = undefined
  }
  return {
    current(policy: Pick<Policy, 'gate' | 'http'>): Upstreams {
      // The same object until a file of the policy changes: most questions stop here.
      if (held !== undefined && asked === policy) return upstreamsOver(held.upstreams, metrics)
      asked = policy
      const { gate, http } = policy
      const options = openOptions({ gate, http })
      const settings = JSON.stringify([gate.upstreams, options, gate.maxAge, gate.negativeMaxAge])
      if (held?.settings !== settings) {
        close()
        const open = gate.upstreams.map(one => openUpstream(one, options))
        held = {
          settings,
          upstreams: open.map(upstream => remembering(watched(upstream, hear), gate)),
        }
        // So that the first answers need not wait for it.
        for (const upstream of open) void upstream.asked()
      }
      return upstreamsOver(held.upstreams, metrics)
    },
    forget() {
      attention.forget()
      for (const upstream of held?.upstreams ?? []) upstream.forget()
    },
    close,
  }
}

/** Told what each upstream says. */
type Attention = (upstream: string, said: Said) => void

/**
 * Tells when an upstream stops answering and when it answers again, once each, however many paths
 * it is asked about.
 */
function payAttention(metrics: Metrics, log: Log): { readonly heard: Attention; forget(): void } {
  const silent = new Set<string>()
  return {
    heard(upstream, said) {
      if (said.kind !== 'silent') {
        if (silent.delete(upstream)) log('info', 'an upstream answers again', { upstream })
      } else if (!silent.has(upstream)) {
        silent.add(upstream)
        metrics.count('upstream_silences', { upstream })
        log('warning', 'no answer from an upstream', { upstream, detail: said.detail })
      }
    },
    forget: () => silent.clear(),
  }
}

function watched(upstream: Upstream, heard: Attention): Upstream {
  return {
    ...upstream,
    async narinfo(digest) {
      const said = await upstream.narinfo(digest)
      heard(upstream.url, said)
      return said
    },
  }
}

function upstreamsOver(all: readonly RememberingUpstream[], metrics: Metrics): Upstreams {
  const list = byPriority(all)
  const askOne = async (upstream: RememberingUpstream, digest: string): Promise<UpstreamAnswer> => {
    const started = performance.now()
    const said = await upstream.narinfo(digest)
    const seconds = (performance.now() - started) / 1000
    metrics.count('upstream_answers', { upstream: upstream.url, result: said.kind })
    metrics.observe('upstream_seconds', seconds, { upstream: upstream.url })
    return { upstream: upstream.url, said, seconds }
  }
  return {
    list,
    get standings() {
      return list.map(upstream => upstream.standing())
    },
    ask: digest => Promise.all(list.map(upstream => askOne(upstream, digest))),
    until(digest) {
      const ends = list.map(upstream => upstream.until(digest))
      return ends.includes(undefined) ? undefined : Math.min(...ends.map(end => end ?? 0))
    },
  }
}
