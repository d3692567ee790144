import type { Rule } from '../policy.ts'

/** States that one comparison of globs may visit before it gives up; patterns that people write need a few dozen. */
const STATE_LIMIT = 20_000

/**
 * The earlier rule because of which a rule never decides: for each of its kinds, some earlier rule of that kind matches
 * all its names (a rule states a requirement for every kind that it has). The last of those; undefined if the rule can
 * decide.
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
 * Whether one glob matches every name that another matches. Reads all names of the narrow glob at once, letter by
 * letter, and follows where the wide one can be. False where that takes too long.
 */
export function covers(wide: string, narrow: string): boolean {
  if (wide === '*' || wide === narrow) return true
  const [head, tail] = fixedEnds(wide)
  if (!narrow.startsWith(head) || !narrow.endsWith(tail)) return false
  const letters = [...new Set(wide + narrow)].filter(letter => letter !== '*' && letter !== '?')
  // Stands for all letters that neither glob names.
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

/** What every name that a glob matches begins and ends with. Settles nearly all comparisons of a long policy. */
function fixedEnds(glob: string): readonly [string, string] {
  const isWild = (place: number) => glob[place] === '*' || glob[place] === '?'
  let head = 0
  while (head < glob.length && !isWild(head)) head++
  let tail = glob.length
  while (tail > head && !isWild(tail - 1)) tail--
  return [glob.slice(0, head), glob.slice(tail)]
}

/** Where in a glob one can be after some letters. */
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

/** Adds the places behind stars, which may stand for nothing. */
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
