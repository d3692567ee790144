import type { Rule } from '../policy.ts'

/**
 * How many states a comparison of two globs may visit before it gives up. Real patterns need a few
 * dozen.
 */
const STATE_LIMIT = 20_000

/**
 * The earlier rule that makes a rule unreachable: for each of its kinds, an earlier rule of that
 * kind matches all its names (a rule states a requirement for each of its kinds). Returns the last
 * of those, or undefined if the rule can decide.
 */
export function shadowOf(rule: Rule, earlier: readonly Rule[]): Rule | undefined {
  let shadow: Rule | undefined
  for (const kind of rule.kinds) {
    const cover = earlier.find(other => other.kinds.includes(kind) && covers(other.name, rule.name))
    if (cover === undefined) return undefined
    if (shadow === undefined || cover.line > shadow.line) shadow = cover
  }
  return shadow
}

/**
 * Whether the wide glob matches every name that the narrow one matches. Simulates both globs,
 * letter by letter. False if that takes too long.
 */
export function covers(wide: string, narrow: string): boolean {
  if (wide === '*' || wide === narrow) return true
  const [head, tail] = fixedEnds(wide)
  if (!narrow.startsWith(head) || !narrow.endsWith(tail)) return false
  const letters = [...new Set(wide + narrow)].filter(letter => letter !== '*' && letter !== '?')
  // Stands for all letters that neither glob contains.
  const alphabet = [...letters, '\0']
  const seen = new Set<string>()
  const pending: [Places, Places][] = [[start(wide), start(narrow)]]
  for (let state = pending.pop(); state !== undefined; state = pending.pop()) {
    const [wideAt, narrowAt] = state
    if (narrowAt.has(narrow.length) && !wideAt.has(wide.length)) return false
    for (const letter of alphabet) {
      const narrowNext = step(narrow, narrowAt, letter)
      if (narrowNext.size === 0) continue
      const wideNext = step(wide, wideAt, letter)
      if (wideNext.size === 0) return false
      const id = `${[...wideNext].sort(byNumber)}|${[...narrowNext].sort(byNumber)}`
      if (seen.has(id)) continue
      if (seen.size >= STATE_LIMIT) return false
      seen.add(id)
      pending.push([wideNext, narrowNext])
    }
  }
  return true
}

/**
 * The fixed beginning and end of all names that a glob matches. They decide nearly all comparisons
 * in a long policy.
 */
function fixedEnds(glob: string): readonly [string, string] {
  const isWild = (place: number) => glob[place] === '*' || glob[place] === '?'
  let head = 0
  while (head < glob.length && !isWild(head)) head++
  let tail = glob.length
  while (tail > head && !isWild(tail - 1)) tail--
  return [glob.slice(0, head), glob.slice(tail)]
}

/** The positions in a glob that are possible after some letters. */
type Places = ReadonlySet<number>

function start(glob: string): Places {
  return withStars(glob, [0])
}

function step(glob: string, places: Places, letter: string): Places {
  const next: number[] = []
  for (const place of places) {
    const here = glob[place]
    if (here === '*') next.push(place)
    else if (here === '?' || here === letter) next.push(place + 1)
  }
  return withStars(glob, next)
}

/** Adds the positions after stars, which may match nothing. */
function withStars(glob: string, places: readonly number[]): Places {
  const all = new Set<number>()
  for (let place of places) {
    all.add(place)
    while (glob[place] === '*') all.add(++place)
  }
  return all
}

function byNumber(a: number, b: number): number {
  return a - b
}
