/** What refers to paths that would fall, and what of the machine in use needs them. */
import type { InUse } from '../status/in-use.ts'
import type { Store } from '../store/store-client.ts'

/** The most paths that are looked at, up and down. */
const LIMIT = 100_000

export type Needing = 'system' | 'profile'

/** What a path is to others. */
export interface Usage {
  readonly path: string
  /** Whether the store has it. */
  readonly isHere: boolean
  /** Store paths that refer to it directly or through others, without itself. */
  readonly referrers: readonly string[]
  /** Whether a running system, or a profile or link that is in use, needs it. */
  readonly neededBy: Needing | undefined
}

export interface Usages {
  readonly usages: readonly Usage[]
  /** Whether everything that is in use was followed to its end. */
  readonly isComplete: boolean
}

type Asked = Pick<Store, 'pathInfo' | 'referrers'>

/** Looks at each path. Throws StoreError. */
export async function usagesOf(store: Asked, paths: readonly string[], roots: InUse): Promise<Usages> {
  const systems = await closure(roots.systems, path => references(store, path))
  const profiles = await closure(roots.paths, path => references(store, path))
  const known = new Map<string, readonly string[]>()
  const up = async (path: string) => {
    const before = known.get(path)
    if (before !== undefined) return before
    const found = await store.referrers(path)
    known.set(path, found)
    return found
  }
  const usages: Usage[] = []
  let isWhole = systems.isWhole && profiles.isWhole && roots.left === 0
  for (const path of paths) {
    const isHere = (await store.pathInfo(path)) !== undefined
    const above = isHere ? await closure([path], up) : { found: new Set<string>(), isWhole: true }
    isWhole &&= above.isWhole
    const needed = profiles.found.has(path) ? 'profile' : undefined
    usages.push({
      path,
      isHere,
      referrers: [...above.found].filter(each => each !== path).sort(),
      neededBy: systems.found.has(path) ? 'system' : needed,
    })
  }
  return { usages, isComplete: isWhole }
}

async function references(store: Asked, path: string): Promise<readonly string[]> {
  return (await store.pathInfo(path))?.references ?? []
}

async function closure(paths: readonly string[], next: (path: string) => Promise<readonly string[]>) {
  const found = new Set(paths)
  for (const path of found) {
    if (found.size > LIMIT) return { found, isWhole: false }
    for (const one of await next(path)) found.add(one)
  }
  return { found, isWhole: true }
}
