/** What refers to paths that would fall, and what of the machine in use needs them. */
import type { Store } from '../store/store-client.ts'

/** The most paths that are looked at above one. */
const LIMIT = 100_000

export type Needing = 'system' | 'profile'

/** What a path is to others. */
export interface Usage {
  readonly path: string
  /** Whether the store has it. */
  readonly isHere: boolean
  /** Store paths that refer to it directly or through others, without itself. */
  readonly referrers: readonly string[]
  /**
   * Whether a running system needs it, or anything else that a garbage collection keeps: a profile,
   * an older generation of one, a link, a process.
   */
  readonly neededBy: Needing | undefined
}

export interface Usages {
  readonly usages: readonly Usage[]
  /** Whether everything above these paths was found. */
  readonly isComplete: boolean
}

type Asked = Pick<Store, 'pathInfo' | 'referrers' | 'roots'>

/** Looks at each path; `systems` are the store paths of running systems. Throws StoreError. */
export async function usagesOf(
  store: Asked,
  paths: readonly string[],
  systems: ReadonlySet<string>,
): Promise<Usages> {
  const roots = await store.roots()
  const known = new Map<string, readonly string[]>()
  const up = async (path: string) => {
    const before = known.get(path)
    if (before !== undefined) return before
    const found = await store.referrers(path)
    known.set(path, found)
    return found
  }
  const usages: Usage[] = []
  let isWhole = true
  for (const path of paths) {
    const isHere = (await store.pathInfo(path)) !== undefined
    const above = isHere ? await closure([path], up) : { found: new Set<string>(), isWhole: true }
    isWhole &&= above.isWhole
    const needed = meets(above.found, roots) ? 'profile' : undefined
    usages.push({
      path,
      isHere,
      referrers: [...above.found].filter(each => each !== path).sort(),
      neededBy: meets(above.found, systems) ? 'system' : needed,
    })
  }
  return { usages, isComplete: isWhole }
}

function meets(some: ReadonlySet<string>, others: ReadonlySet<string>): boolean {
  for (const path of some) if (others.has(path)) return true
  return false
}

async function closure(paths: readonly string[], next: (path: string) => Promise<readonly string[]>) {
  const found = new Set(paths)
  for (const path of found) {
    if (found.size > LIMIT) return { found, isWhole: false }
    for (const one of await next(path)) found.add(one)
  }
  return { found, isWhole: true }
}
