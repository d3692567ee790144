import type { Said, Upstream } from '../evidence/upstreams/upstream.ts'

/** Paths of which an upstream's word is kept, and characters of all these words together. */
const COUNT_LIMIT = 4096
const SIZE_LIMIT = 16 * 1024 * 1024
/** Characters that a word counts for besides its own, and each text in it. */
const OVERHEAD = 256
const TEXT_OVERHEAD = 64
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
  const kept = new Map<string, Word & { readonly size: number }>()
  let size = 0
  const drop = (digest: string) => {
    size -= kept.get(digest)?.size ?? 0
    kept.delete(digest)
  }
  const keep = (digest: string, word: Word) => {
    drop(digest)
    const added = sizeOf(word.said)
    kept.set(digest, { ...word, size: added })
    size += added
    for (const oldest of kept.keys()) {
      if (kept.size <= COUNT_LIMIT && size <= SIZE_LIMIT) break
      drop(oldest)
    }
  }
  let silence: Word | undefined
  const age = { offer: maxAge, absent: negativeMaxAge, silent: 0, malformed: 0 }

  return {
    ...upstream,
    async narinfo(digest) {
      const now = Date.now()
      const found = kept.get(digest)
      if (found !== undefined && stands(found, now)) return found.said
      drop(digest)
      if (silence !== undefined && stands(silence, now)) return silence.said
      const said = await upstream.narinfo(digest)
      const since = Date.now()
      if (said.kind === 'silent' && since - now > SLOW) silence = { said, since, until: since + SPARED }
      if (age[said.kind] === 0) return said
      keep(digest, { said, since: now, until: now + age[said.kind] * 1000 })
      return said
    },
    until: digest => kept.get(digest)?.until,
    forget() {
      kept.clear()
      size = 0
      silence = undefined
    },
  }
}

/** What an upstream said, and from when until when it stands, in milliseconds since 1970. */
interface Word {
  readonly said: Said
  readonly since: number
  readonly until: number
}

/** Not where the clock was set back: it could stand for years then. */
function stands({ since, until }: Word, now: number): boolean {
  return since <= now && now < until
}

/** Characters that a word takes, about: a narinfo names up to 10,000 paths, and may do so in every answer. */
function sizeOf(said: Said): number {
  if (said.kind !== 'offer') return OVERHEAD
  const { references, signatures } = said.offer.narinfo
  const texts = [...references, ...signatures]
  return OVERHEAD + texts.reduce((sum, text) => sum + text.length + TEXT_OVERHEAD, 0)
}
