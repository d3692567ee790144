import type { Said } from '../evidence/upstreams/offer.ts'
import type { Upstream } from '../evidence/upstreams/upstream.ts'

/** Paths of which an upstream's word is kept. */
const COUNT_LIMIT = 4096
/** An upstream that let us wait so long in vain, in milliseconds, is not asked again for so long. */
const SLOW = 1000
const SPARED = 10_000

/** Seconds for which an upstream's words stand. */
export interface Ages {
  readonly maxAge: number
  readonly negativeMaxAge: number
}

/** An upstream, and how to have it asked anew. */
export interface RememberingUpstream extends Upstream {
  forget(): void
  /** Until when its word on a path stands, in milliseconds since 1970; undefined if it is not kept. */
  until(digest: string): number | undefined
}

/**
 * An upstream whose word is kept for as long as the policy says. Silence is not kept, but one that took long is not
 * waited for again at once: with thousands of paths to ask about, Nix would never get done.
 */
export function remembering(upstream: Upstream, { maxAge, negativeMaxAge }: Ages): RememberingUpstream {
  const kept = new Map<string, { readonly said: Said; readonly until: number }>()
  let silence: { readonly said: Said; readonly until: number } | undefined
  const age = { offer: maxAge, absent: negativeMaxAge, silent: 0, malformed: 0 }

  return {
    ...upstream,
    async narinfo(digest) {
      const now = Date.now()
      const found = kept.get(digest)
      if (found !== undefined && now < found.until) return found.said
      kept.delete(digest)
      if (silence !== undefined && now < silence.until) return silence.said
      const said = await upstream.narinfo(digest)
      const wait = Date.now() - now
      if (said.kind === 'silent' && wait > SLOW) silence = { said, until: Date.now() + SPARED }
      if (age[said.kind] === 0) return said
      kept.set(digest, { said, until: now + age[said.kind] * 1000 })
      if (kept.size > COUNT_LIMIT) kept.delete(kept.keys().next().value ?? '')
      return said
    },
    until: digest => kept.get(digest)?.until,
    forget() {
      kept.clear()
      silence = undefined
    },
  }
}
