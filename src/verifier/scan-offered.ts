/** Gets what a binary cache offers, to look into it; nothing of it is kept. Heavy: reached by `import()` alone. */
import type { Offer } from '../evidence/upstreams/offer.ts'
import { readNar } from '../evidence/upstreams/read-nar.ts'
import type { Found, Wanted } from '../formats/nix/hash-parts.ts'
import { printable } from '../primitives/printable.ts'
import { hashPartsInNar } from '../store/nar-references.ts'

/** Bytes of a NAR that is looked into. */
const SIZE_LIMIT = 4 * 1024 * 1024 * 1024
/** Milliseconds for a NAR: some for any, more by its size for slow lines, and no more than these. */
const TIME_LEAST = 60_000
const TIME_LIMIT = 1_800_000
const BYTES_A_MILLISECOND = 256
/** NARs that are looked into at once, of each cache. */
const AT_ONCE = 4

/** What stands in the contents, or why nobody knows (escaped). */
export type Scanned = { readonly found: Found } | { readonly problem: string }

/**
 * Looks for hash parts in the NAR that these offers are about, from the first cache that has it whole. Bounded in
 * bytes, time and memory. Never rejects for what is wrong with a cache.
 */
export async function scanOffered(offers: readonly Offer[], wanted: Wanted): Promise<Scanned> {
  const problems: string[] = []
  for (const offer of offers) {
    const { narSize } = offer.narinfo
    if (narSize > SIZE_LIMIT)
      return { problem: `${narSize} bytes are more than the ${SIZE_LIMIT} that are looked into` }
    try {
      return { found: await inTurn(offer.upstream, () => scanOne(offer, wanted)) }
    } catch (error) {
      if (!(error instanceof Error) || error instanceof TypeError) throw error
      problems.push(`${printable(offer.upstream, 200)}: ${printable(error.message, 200)}`)
    }
  }
  return { problem: problems.join('; ') }
}

async function scanOne(offer: Offer, wanted: Wanted): Promise<Found> {
  const { narinfo } = offer
  const time = Math.min(TIME_LIMIT, TIME_LEAST + narinfo.narSize / BYTES_A_MILLISECOND)
  const controller = new AbortController()
  const late = new Error(`did not hand out the whole NAR within ${Math.round(time / 1000)} seconds`)
  let timer: NodeJS.Timeout | undefined
  // Not only the signal: whatever is never answered must not be waited for.
  const end = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(late)
      controller.abort(late)
    }, time)
  })
  try {
    const work = hashPartsInNar(readNar(offer, controller.signal), narinfo, wanted)
    return await Promise.race([work, end])
  } finally {
    clearTimeout(timer)
    controller.abort()
  }
}

/** How many NARs of each cache are under way, and who waits for their turn. */
const TURNS = new Map<string, { running: number; readonly waiting: (() => void)[] }>()

/** Does something of a cache as soon as few enough others are under way. One cache does not hold up another. */
async function inTurn<T>(upstream: string, action: () => Promise<T>): Promise<T> {
  const turns = TURNS.get(upstream) ?? { running: 0, waiting: [] }
  TURNS.set(upstream, turns)
  if (turns.running >= AT_ONCE) await new Promise<void>(resolve => turns.waiting.push(resolve))
  else turns.running++
  try {
    return await action()
  } finally {
    const next = turns.waiting.shift()
    if (next !== undefined) next()
    else if (--turns.running === 0) TURNS.delete(upstream)
  }
}
