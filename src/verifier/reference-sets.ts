/**
 * The sets of references that a signature is tried with when it does not verify over all paths that
 * the contents name: docs/semantics.md, P10.
 */

/** If no more paths than this are named, every set of them is tried: 511 at most. */
const EVERY_SET_LIMIT = 9
/** If no more paths than this are named, two of them are left out as well. */
const PAIRS_LIMIT = 24

/** What is known about the paths that contents name. */
export interface Named {
  /** Full store paths, sorted. */
  readonly found: readonly string[]
  /** The path whose contents these are. */
  readonly self: string
  /** Sets that evidence about these contents states, each sorted. */
  readonly stated: readonly (readonly string[])[]
}

/**
 * Smaller sets than `found`, all sorted, the likeliest first; some occur twice. What contents name
 * need not be a reference: a derivation may discard references, as images of systems do, and a
 * manual may name a path that the build did not have.
 */
export function* smallerSets({ found, self, stated }: Named): Generator<readonly string[]> {
  if (found.length === 0) return
  yield []
  const others = found.filter(path => path !== self)
  if (others.length > 0 && others.length < found.length) yield* [[self], others]
  const names = new Set(found)
  for (const set of stated) {
    if (set.length < found.length && set.every(path => names.has(path))) yield set
  }
  if (found.length <= EVERY_SET_LIMIT) yield* everySmallerSet(found)
  else yield* nearlyAllOrNone(found, self)
}

/** Every set but the whole one, larger ones and smaller ones mixed. */
function* everySmallerSet(found: readonly string[]): Generator<readonly string[]> {
  for (let left = 2 ** found.length - 2; left > 0; left--) {
    yield found.filter((_, index) => (left >> index) % 2 === 1)
  }
}

/** Without one path, each in turn; one path alone, and with itself; and of a few without two. */
function* nearlyAllOrNone(found: readonly string[], self: string): Generator<readonly string[]> {
  for (const one of found) yield found.filter(path => path !== one)
  for (const one of found) yield [one]
  if (found.includes(self)) {
    for (const one of found) if (one !== self) yield [one, self].sort()
  }
  if (found.length > PAIRS_LIMIT) return
  for (const [index, one] of found.entries()) {
    for (const two of found.slice(index + 1)) yield found.filter(path => path !== one && path !== two)
  }
}
