import type { Said, Upstream } from '../evidence/upstreams/upstream.ts'
import { orLate } from '../files/deadline.ts'

/**
 * Limits of what is kept of an upstream: the number of paths, and characters of all answers
 * together.
 */
const COUNT_LIMIT = 4096
const SIZE_LIMIT = 16 * 1024 * 1024
/** Characters added to the size of each answer, and of each text in it. */
const OVERHEAD = 256
const TEXT_OVERHEAD = 64
/**
 * An upstream that gave no answer for SLOW milliseconds is not asked again for SPARED milliseconds.
 * After that nobody waits for it longer than SLOW, until it has answered.
 */
const SLOW = 1000
const SPARED = 10_000

/** Seconds for which an upstream's answers are kept: offers, and "no such path". */
export interface Ages {
  readonly maxAge: number
  readonly negativeMaxAge: number
}

/** An upstream whose answers are kept, and can be dropped so that it is asked anew. */
export interface RememberingUpstream extends Upstream {
  forget(): void
  /**
   * Until when its answer about a path is valid, in milliseconds since 1970; undefined if it is not
   * kept.
   */
  until(digest: string): number | undefined
}

/**
 * An upstream whose answers are kept for as long as the policy says. Lack of an answer is not kept.
 * But an upstream that took long to fail is not asked again at once, and not waited for as long as
 * before: with thousands of paths to ask about, Nix would never finish.
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
  let silence: (Word & { readonly said: Extract<Said, { kind: 'silent' }> }) | undefined
  const age = { offer: maxAge, absent: negativeMaxAge, silent: 0, malformed: 0 }

  const spare = (said: Extract<Said, { kind: 'silent' }>) => {
    const since = Date.now()
    silence = { said, since, until: since + SPARED }
  }
  async function ask(digest: string): Promise<Said> {
    const now = Date.now()
    const said = await upstream.narinfo(digest)
    if (said.kind === 'silent' && Date.now() - now > SLOW) spare(said)
    else silence = undefined
    if (age[said.kind] > 0) keep(digest, { said, since: now, until: now + age[said.kind] * 1000 })
    return said
  }

  return {
    ...upstream,
    async narinfo(digest) {
      const now = Date.now()
      const found = kept.get(digest)
      if (found !== undefined && stands(found, now)) return found.said
      drop(digest)
      if (silence !== undefined && stands(silence, now)) return silence.said
      const asked = ask(digest)
      if (silence === undefined) return asked
      const { said } = silence
      return orLate(asked, SLOW, () => {
        spare(said)
        return said
      })
    },
    until: digest => kept.get(digest)?.until,
    forget() {
      upstream.forget?.()
      kept.clear()
      size = 0
      silence = undefined
    },
  }
}

/** An upstream's answer, and the period in which it is valid, in milliseconds since 1970. */
interface Word {
  readonly said: Said
  readonly since: number
  readonly until: number
}

/** False if the clock was set back, since an answer could be valid for years then. */
function stands({ since, until }: Word, now: number): boolean {
  return since <= now && now < until
}

/**
 * Approximate size of an answer in characters. A narinfo may name 10,000 paths, and every answer
 * may do so.
 */
function sizeOf(said: Said): number {
  if (said.kind !== 'offer') return OVERHEAD
  const { references, signatures } = said.offer.narinfo
  const texts = [...references, ...signatures]
  return OVERHEAD + texts.reduce((sum, text) => sum + text.length + TEXT_OVERHEAD, 0)
}
