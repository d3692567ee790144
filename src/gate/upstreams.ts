import { byPriority, standingOf } from '../evidence/upstreams/by-priority.ts'
import { openOptions, openUpstream } from '../evidence/upstreams/open-upstream.ts'
import type { Standing } from '../evidence/upstreams/standing.ts'
import type { Upstream, UpstreamAnswer } from '../evidence/upstreams/upstream.ts'
import type { Policy } from '../policy/policy.ts'
import { type RememberingUpstream, remembering } from './cached-upstream.ts'
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
 * that follow name the same ones. Counts and times their answers in `metrics`.
 */
export function keepUpstreams(metrics: Metrics) {
  let held: { readonly settings: string; readonly upstreams: readonly RememberingUpstream[] } | undefined
  const close = () => {
    for (const upstream of held?.upstreams ?? []) upstream.close()
    held = undefined
  }
  return {
    current({ gate, http }: Pick<Policy, 'gate' | 'http'>): Upstreams {
      const options = openOptions({ gate, http })
      const settings = JSON.stringify([gate.upstreams, options, gate.maxAge, gate.negativeMaxAge])
      if (held?.settings !== settings) {
        close()
        const open = gate.upstreams.map(one => openUpstream(one, options))
        held = { settings, upstreams: open.map(upstream => remembering(upstream, gate)) }
        // So that the first answers need not wait for it.
        for (const upstream of open) void upstream.asked?.()
      }
      return upstreamsOver(held.upstreams, metrics)
    },
    forget() {
      for (const upstream of held?.upstreams ?? []) upstream.forget()
    },
    close,
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
      return list.map(standingOf)
    },
    ask: digest => Promise.all(list.map(upstream => askOne(upstream, digest))),
    until(digest) {
      const ends = list.map(upstream => upstream.until(digest))
      return ends.includes(undefined) ? undefined : Math.min(...ends.map(end => end ?? 0))
    },
  }
}
