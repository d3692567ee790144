/** Which of many sets each thing belongs to, carried along arrows in one pass. Pure. */

/**
 * Gives things marks, small numbers from 0 below `count`, and each thing that an arrow leads to the
 * marks of where it comes from, until nothing changes. Yields everything that has any, with its
 * marks in order.
 */
export function* carryMarks(
  starts: Iterable<readonly [thing: number, mark: number]>,
  count: number,
  next: (thing: number) => Iterable<number>,
): Generator<readonly [thing: number, marks: readonly number[]]> {
  const words = Math.ceil(count / 32)
  const marks = new Map<number, Uint32Array>()
  const of = (thing: number): Uint32Array => {
    const known = marks.get(thing) ?? new Uint32Array(words)
    marks.set(thing, known)
    return known
  }
  const waiting = new Set<number>()
  for (const [thing, mark] of starts) {
    const own = of(thing)
    own[mark >> 5] = (own[mark >> 5] ?? 0) | (1 << (mark & 31))
    waiting.add(thing)
  }
  for (const thing of waiting) {
    waiting.delete(thing)
    const own = of(thing)
    for (const to of next(thing)) if (add(own, of(to))) waiting.add(to)
  }
  for (const [thing, own] of marks) yield [thing, marksIn(own, count)]
}

/** Adds marks to others; whether there are more then. */
function add(given: Uint32Array, taken: Uint32Array): boolean {
  let isMore = false
  for (let index = 0; index < given.length; index++) {
    const before = taken[index] ?? 0
    taken[index] = before | (given[index] ?? 0)
    isMore ||= taken[index] !== before
  }
  return isMore
}

function marksIn(own: Uint32Array, count: number): readonly number[] {
  const found: number[] = []
  for (let mark = 0; mark < count; mark++)
    if (((own[mark >> 5] ?? 0) & (1 << (mark & 31))) !== 0) found.push(mark)
  return found
}
