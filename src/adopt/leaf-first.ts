/** The order in which a closure is adopted. Pure. */

/**
 * Returns the paths and everything that they refer to, each once, and what a path refers to before
 * it. Where paths refer to each other in a circle, which no Nix writes, one of them comes first.
 */
export function leafFirst(
  roots: readonly string[],
  referencesOf: (path: string) => readonly string[],
): readonly string[] {
  const done = new Set<string>()
  const begun = new Set<string>()
  for (const root of roots) {
    const stack = [root]
    for (let path = stack.at(-1); path !== undefined; path = stack.at(-1)) {
      const waiting = begun.has(path) ? [] : referencesOf(path).filter(reference => !begun.has(reference))
      begun.add(path)
      const below = waiting.filter(reference => reference !== path)
      // Backwards, so that the first of them comes first.
      if (below.length > 0) stack.push(...below.toReversed())
      else done.add(stack.pop() ?? path)
    }
  }
  return [...done]
}
