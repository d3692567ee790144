/** The paths behind what is in use, in the order in which they are judged. */
import type { Store } from '../store/store-client.ts'
import type { InUse } from './in-use.ts'

/** The most paths that are judged: of several large systems. */
const PATH_LIMIT = 100_000

export interface ToJudge {
  /**
   * Store paths that are judged with all that they refer to: those of the machine's systems before
   * everything else, the others last. `left`: how many roots were not followed.
   */
  readonly roots: InUse
  /** Store paths that were let in with a warning, judged after the systems. */
  readonly letIn: readonly string[]
  /** The end of the time, as of performance.now(). */
  readonly end: number
}

/**
 * All valid paths to judge, in the order in which they are, and how many more were found than there
 * is room for, or time: half of what there is, so that the first are judged whatever others bring.
 */
export async function pathsToJudge(
  store: Pick<Store, 'pathInfo'>,
  { roots, letIn, end }: ToJudge,
): Promise<{ readonly paths: readonly string[]; readonly left: number }> {
  const half = performance.now() + (end - performance.now()) / 2
  const paths = new Set<string>()
  const isOver = () => paths.size >= PATH_LIMIT || performance.now() >= half
  const referencesOf = async (path: string) => {
    const info = await store.pathInfo(path)
    if (info !== undefined) paths.add(path)
    return info?.references ?? []
  }
  const found = new Set<string>()
  const queue: string[] = []
  let seen = 0
  const put = (path: string) => {
    if (!found.has(path)) queue.push(path)
    found.add(path)
  }
  /** One root with all that it refers to, then the next. */
  const walk = async (all: readonly string[]) => {
    for (const root of all) {
      put(root)
      while (seen < queue.length && !isOver()) {
        for (const reference of await referencesOf(queue[seen] ?? '')) put(reference)
        seen++
      }
    }
  }
  await walk(roots.systems)
  let left = 0
  for (const path of letIn) {
    if (isOver()) left++
    else await referencesOf(path)
  }
  await walk(roots.paths)
  return { paths: [...paths], left: left + queue.length - seen }
}
