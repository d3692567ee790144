/** Graphs of store paths, computed once where the page is written. Pure. */

/**
 * For each node, the length of the longest chain of what it needs: 0 if it needs nothing.
 * `needs[i]` are places in the same list. A store has no circles; an edge that would close one is
 * passed over.
 */
export function layersOf(needs: readonly (readonly number[])[]): readonly number[] {
  const layers = new Array<number>(needs.length).fill(-1)
  const isOpen = new Uint8Array(needs.length)
  const next = new Uint32Array(needs.length)
  const way: number[] = []
  for (let start = 0; start < needs.length; start++) {
    if (layers[start] === -1) way.push(start)
    while (way.length > 0) {
      const node = way[way.length - 1] ?? 0
      isOpen[node] = 1
      const needed = needs[node]?.[next[node] ?? 0]
      if (needed === undefined) {
        layers[node] = longest(needs[node] ?? [], layers)
        isOpen[node] = 0
        way.pop()
        continue
      }
      next[node] = (next[node] ?? 0) + 1
      if (layers[needed] === -1 && isOpen[needed] === 0) way.push(needed)
    }
  }
  return layers
}

/** One more than the highest layer below, as far as those are finished. */
function longest(needed: readonly number[], layers: readonly number[]): number {
  let layer = 0
  for (const node of needed) layer = Math.max(layer, (layers[node] ?? -1) + 1)
  return layer
}

/**
 * For each node, what needs it on a shortest way from a root; undefined for roots and for what no
 * root reaches.
 */
export function waysFrom(
  roots: readonly number[],
  needs: readonly (readonly number[])[],
): readonly (number | undefined)[] {
  const ways = new Array<number | undefined>(needs.length).fill(undefined)
  const isSeen = new Uint8Array(needs.length)
  for (const root of roots) isSeen[root] = 1
  const queue = [...roots]
  for (let at = 0; at < queue.length; at++) {
    const node = queue[at] ?? 0
    for (const needed of needs[node] ?? []) {
      if (isSeen[needed] === 1) continue
      isSeen[needed] = 1
      ways[needed] = node
      queue.push(needed)
    }
  }
  return ways
}
