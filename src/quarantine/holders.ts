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
  /** The referrers of each path that was asked about, also of the entries' and of `held`. */
  readonly referrers: ReadonlyMap<string, readonly string[]>
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
  if (model === undefined) return { kept: [], others: [], referrers: new Map() }
  const known = new Set([...entries.map(({ path }) => path), ...held])
  /** What was found, with the refused path that it leads to. */
  const found = new Map<string, string>()
  const waiting: (readonly [path: string, refused: string])[] = [
    ...entries.map(({ path }) => [path, path] as const),
    ...held.map(path => [path, model.path] as const),
  ]
  const referrers = new Map<string, readonly string[]>()
  for (const [path, refused] of waiting) {
    if (found.size >= FOUND_AT_ONCE) break
    const direct = await store.referrers(path)
    referrers.set(path, direct)
    for (const referrer of direct) {
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
    // Nobody found that this machine made it.
    const own = { path, narHash, narSize, references, registered, reason, builtHere: false }
    kept.push({ ...model, ...own })
  }
  const withEntry = new Set(kept.map(({ path }) => path))
  return { kept, others: [...found.keys()].filter(path => !withEntry.has(path)), referrers }
}

/**
 * Orders paths so that each comes after those of them that refer to it, directly or through others.
 */
export function referrersFirst(
  paths: Iterable<string>,
  referrers: ReadonlyMap<string, readonly string[]>,
): readonly string[] {
  const wanted = new Set(paths)
  const [begun, ordered] = [new Set<string>(), new Set<string>()]
  for (const start of wanted) {
    const stack = [start]
    for (let path = stack.at(-1); path !== undefined; path = stack.at(-1)) {
      const isSecond = begun.has(path)
      begun.add(path)
      const waiting = isSecond ? [] : (referrers.get(path) ?? []).filter(each => !begun.has(each))
      for (const each of waiting) stack.push(each)
      if (waiting.length === 0) {
        ordered.add(path)
        stack.pop()
      }
    }
  }
  return [...ordered].filter(path => wanted.has(path))
}
