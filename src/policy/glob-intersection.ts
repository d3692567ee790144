/** The names that two globs have in common. */

/**
 * A glob whose names both globs match, the widest that a search finds; undefined if there is no
 * common name.
 */
export function commonGlob(a: string, b: string): string | undefined {
  if (a === b || b === '*') return a
  if (a === '*') return b
  const width = b.length + 1
  const dead = new Set<number>()
  const steps: string[] = []
  const walk = (i: number, j: number): boolean => {
    if (i === a.length && j === b.length) return true
    const state = i * width + j
    if (dead.has(state)) return false
    for (const [letter, nextI, nextJ] of stepsFrom(a, i, b, j)) {
      steps.push(letter)
      if (walk(nextI, nextJ)) return true
      steps.pop()
    }
    dead.add(state)
    return false
  }
  return walk(0, 0) ? steps.join('').replace(/\*+/g, '*') : undefined
}

type Step = readonly [letter: string, nextI: number, nextJ: number]

/**
 * The possible next steps, the widest first. A star takes what the other glob has there, or ends.
 */
function stepsFrom(a: string, i: number, b: string, j: number): readonly Step[] {
  const [x, y] = [a[i], b[j]]
  const steps: Step[] = []
  if (x === '*' && y !== undefined) steps.push([y, i, j + 1])
  if (y === '*' && x !== undefined) steps.push([x, i + 1, j])
  if (x === '*') steps.push(['', i + 1, j])
  if (y === '*') steps.push(['', i, j + 1])
  const areLetters = x !== undefined && y !== undefined && x !== '*' && y !== '*'
  if (areLetters && (x === y || x === '?' || y === '?')) steps.push([x === '?' ? y : x, i + 1, j + 1])
  return steps
}
