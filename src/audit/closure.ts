/** Which paths an audit is of: what was asked for with all that it refers to, or the whole store. */
import type { Registered } from './member.ts'

/** The most paths of a closure: no more are read of an audit (parse.ts). */
const PATH_LIMIT = 150_000
/** The most references: a user may register any number with a path of one byte. */
const REFERENCE_LIMIT = 5_000_000
/** How many paths the store is asked about together. */
const AT_ONCE = 16_384

/** A closure. */
export interface Closure {
  /** Valid paths, in the order in which they were found. */
  readonly infos: readonly Registered[]
  /** Paths that were asked for, or referred to, and that the store does not have. */
  readonly absent: readonly string[]
  /** At least how many paths there was no room or time for. */
  readonly left: number
}

/** The store, and what else can be done while it answers. */
export interface Asking {
  /** Whether all valid paths are asked for: then no reference leads to another. */
  readonly isWhole: boolean
  infosOf(paths: readonly string[]): Promise<readonly (Registered | undefined)[]>
  /** Called with the paths that it is asked about. */
  meanwhile(paths: readonly string[]): Promise<void>
}

/** `end`: of the time, as of performance.now(). Throws StoreError. */
export async function closureOf(
  { isWhole, infosOf, meanwhile }: Asking,
  roots: readonly string[],
  end: number,
): Promise<Closure> {
  const infos: Registered[] = []
  const absent: string[] = []
  const queue = [...new Set(roots)]
  const found = new Set(queue)
  let seen = 0
  let references = 0
  const hasRoom = () => infos.length < PATH_LIMIT && references < REFERENCE_LIMIT && performance.now() < end
  while (seen < queue.length && hasRoom()) {
    const asked = queue.slice(seen, seen + AT_ONCE)
    seen += asked.length
    const [answers] = await Promise.all([infosOf(asked), meanwhile(asked)])
    for (let index = 0; index < asked.length; index++) {
      const path = asked[index] ?? ''
      const info = answers[index]
      if (info === undefined) {
        absent.push(path)
        continue
      }
      infos.push(info)
      references += info.references.length
      if (isWhole) continue
      for (const reference of info.references) {
        if (found.has(reference)) continue
        found.add(reference)
        queue.push(reference)
      }
    }
  }
  return { infos, absent, left: queue.length - seen }
}
