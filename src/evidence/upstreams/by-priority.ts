import type { Upstream } from './upstream.ts'

/**
 * Upstreams by priority, the lowest number first, and else in the policy's order. Where it is not
 * known yet what a cache says of itself, it has the priority 50.
 */
export function byPriority<U extends Pick<Upstream, 'standing'>>(upstreams: readonly U[]): readonly U[] {
  if (upstreams.length < 2) return upstreams
  return upstreams
    .map(upstream => ({ upstream, priority: upstream.standing().priority }))
    .sort((a, b) => a.priority - b.priority)
    .map(({ upstream }) => upstream)
}
