import type { Standing } from './standing.ts'
import type { Upstream } from './upstream.ts'

/** Of a store that says nothing of itself. */
const UNSAID: Standing = { priority: 50, wantsMassQuery: true, isKnown: true }

/** What is known of an upstream now. */
export function standingOf(upstream: Pick<Upstream, 'standing'>): Standing {
  return upstream.standing?.() ?? UNSAID
}

/**
 * Upstreams by priority, the lowest number first, and else in the policy's order. Where it is not
 * known yet what a cache says of itself, it has the priority 50.
 */
export function byPriority<U extends Pick<Upstream, 'standing'>>(upstreams: readonly U[]): readonly U[] {
  if (upstreams.length < 2) return upstreams
  return upstreams
    .map(upstream => ({ upstream, priority: standingOf(upstream).priority }))
    .sort((a, b) => a.priority - b.priority)
    .map(({ upstream }) => upstream)
}
