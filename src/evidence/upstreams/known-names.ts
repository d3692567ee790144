/**
 * Names of store paths that upstreams mentioned, by hash part: for stores that can only be asked by
 * the whole name. Nothing is trusted: a wrong name is one that no store has.
 */
import { parseStorePath } from '../../formats/nix/store-path.ts'

/** How many hash parts are remembered, and how many names for each. */
const HASH_PARTS = 65_536
const NAMES = 4

const known = new Map<string, Set<string>>()
const waiting = new Map<string, Set<() => void>>()

/** Remembers these store paths. */
export function learnNames(paths: Iterable<string>): void {
  for (const path of paths) {
    const { digest } = parseStorePath(path)
    const names = known.get(digest) ?? new Set()
    if (names.has(path) || names.size >= NAMES) continue
    names.add(path)
    known.delete(digest)
    known.set(digest, names)
    for (const tell of waiting.get(digest) ?? []) tell()
    const [oldest] = known.keys()
    if (known.size > HASH_PARTS && oldest !== undefined) known.delete(oldest)
  }
}

/**
 * The store paths that were mentioned with this hash part, at once or as soon as there is one within
 * so many milliseconds.
 */
export async function namesOf(digest: string, milliseconds: number): Promise<readonly string[]> {
  if (!known.has(digest)) await mention(digest, milliseconds)
  return [...(known.get(digest) ?? [])]
}

function mention(digest: string, milliseconds: number): Promise<void> {
  return new Promise(resolve => {
    const all = waiting.get(digest) ?? new Set()
    waiting.set(digest, all)
    const tell = () => {
      clearTimeout(timer)
      all.delete(tell)
      if (all.size === 0) waiting.delete(digest)
      resolve()
    }
    const timer = setTimeout(tell, milliseconds)
    all.add(tell)
  })
}
