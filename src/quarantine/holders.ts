import type { Store } from '../store/store-client.ts'
import type { QuarantineEntry } from './entry.ts'

/** The most paths that are found in one round; the next round finds more. */
const FOUND_AT_ONCE = 20_000

const WHICH = ', which was refused'

/** Whether an entry keeps a path that was not refused itself but referred to one that was. */
export function isHolder({ reason }: QuarantineEntry): boolean {
  return reason.startsWith('refers to ') && reason.endsWith(WHICH)
}

/** The direct and indirect referrers of paths that leave the store. */
export interface Holders {
  /** Entries for some of them, up to the given number. */
  readonly kept: readonly QuarantineEntry[]
  /** The paths of all others. */
  readonly others: readonly string[]
}

/**
 * Finds all valid paths that refer, directly or indirectly, to these entries' paths or to `held`,
 * and are not among them. At most `room` of them get an entry: anybody can make any number of such
 * paths.
 */
export async function holdersOf(
  store: Store,
  entries: readonly QuarantineEntry[],
  { held, room }: { readonly held: readonly string[]; readonly room: number },
): Promise<Holders> {
  const [model] = entries
  if (model === undefined) return { kept: [], others: [] }
  const known = new Set([...entries.map(({ path }) => path), ...held])
  /** What was found, with the refused path that it leads to. */
  const found = new Map<string, string>()
  const waiting: (readonly [path: string, refused: string])[] = [
    ...entries.map(({ path }) => [path, path] as const),
    ...held.map(path => [path, model.path] as const),
  ]
  for (const [path, refused] of waiting) {
    if (found.size >= FOUND_AT_ONCE) break
    for (const referrer of await store.referrers(path)) {
      if (known.has(referrer) || found.has(referrer)) continue
      found.set(referrer, refused)
      waiting.push([referrer, refused])
    }
  }
  const kept: QuarantineEntry[] = []
  for (const [path, refused] of [...found].slice(0, room)) {
    const info = await store.pathInfo(path)
    if (info === undefined) continue
    const { narHash, narSize, references, registrationTime: registered } = info
    const reason = `refers to ${refused}${WHICH}`
    kept.push({ ...model, path, narHash, narSize, references, registered, reason })
  }
  const withEntry = new Set(kept.map(({ path }) => path))
  return { kept, others: [...found.keys()].filter(path => !withEntry.has(path)) }
}
