/** What share of what is installed would pass under a policy: judged, and nothing recorded. */
import { type CauseCode, causesOf } from '../../adopt/cause.ts'
import { closureLeafFirst } from '../../adopt/closure.ts'
import type { Inquiry } from '../../verifier/inquiry.ts'
import { verifyPath } from '../../verifier/verify.ts'

/** What is installed, as far as it was judged. */
export interface Share {
  /** Paths of the closures that were looked at. */
  readonly installed: number
  readonly judged: number
  readonly passing: number
  /** Why the others would not pass, by the first cause of each, most frequent first. */
  readonly causes: readonly {
    readonly code: CauseCode
    readonly paths: number
    /** One of them. */
    readonly example: string
  }[]
}

export interface Judging {
  /** Store paths whose closures are what is installed. */
  readonly roots: readonly string[]
  /** Milliseconds after which what is left is not judged. */
  readonly patience: number
  onBegin(paths: number): void
  onStep(): void
}

/** The most paths that are judged. */
const LIMIT = 20_000

/**
 * Judges the closures in an order that is as good as random, so that the part which is judged in
 * time stands for the whole. Throws PackagingError if a root is not valid or there are too many
 * paths.
 */
export async function shareUnder(inquiry: Inquiry, judging: Judging): Promise<Share> {
  const infos = await closureLeafFirst(await inquiry.store(), judging.roots)
  // Store paths begin with a hash.
  const paths = infos.map(({ path }) => path).sort()
  const chosen = paths.slice(0, LIMIT)
  judging.onBegin(chosen.length)
  const since = performance.now()
  const found = new Map<CauseCode, { paths: number; example: string }>()
  let judged = 0
  let passing = 0
  for (const path of chosen) {
    if (performance.now() - since > judging.patience) break
    const verdict = await verifyPath(inquiry, path, 'registered')
    judged++
    judging.onStep()
    if (verdict.outcome === 'trusted') {
      passing++
      continue
    }
    const [{ code }] = causesOf(verdict)
    const known = found.get(code)
    found.set(code, { paths: (known?.paths ?? 0) + 1, example: known?.example ?? path })
  }
  const causes = [...found].map(([code, rest]) => ({ code, ...rest })).sort((a, b) => b.paths - a.paths)
  return { installed: paths.length, judged, passing, causes }
}
