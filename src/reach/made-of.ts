/** What was made of what, as the ledger's entries have it, in a few bytes for each path. */
import type { Admission } from '../ledger/admissions.ts'

/** The most paths and arrows that are kept. */
const PATH_LIMIT = 1_000_000
const ARROW_LIMIT = 16_000_000

/**
 * Arrows from a path to what falls with it: from an input to what was built here with it, and from
 * a derivation to its outputs.
 */
export interface MadeOf {
  add(entry: Admission): void
  /** Adds the inputs of a derivation of which no entry tells them. */
  addInputs(derivation: string, inputs: readonly string[]): void
  /** Derivations of outputs built here whose inputs no entry told. */
  unknown(): readonly string[]
  /** All paths that these lead to, without themselves. */
  after(paths: Iterable<string>): ReadonlySet<string>
  /** How many arrows there was no room for. */
  left(): number
}

/** Begins with nothing. */
export function openMadeOf(): MadeOf {
  const numbers = new Map<string, number>()
  const names: string[] = []
  const first: number[] = []
  const arrows: { to: number; next: number }[] = []
  const needed = new Set<string>()
  const told = new Set<string>()
  let left = 0
  const numberOf = (name: string): number | undefined => {
    const known = numbers.get(name)
    if (known !== undefined) return known
    if (names.length >= PATH_LIMIT) return undefined
    const own = copied(name)
    numbers.set(own, names.length)
    first.push(-1)
    return names.push(own) - 1
  }
  const arrow = (from: string, to: string): void => {
    const [a, b] = [numberOf(from), numberOf(to)]
    if (a === undefined || b === undefined || arrows.length >= ARROW_LIMIT) left++
    else first[a] = arrows.push({ to: b, next: first[a] ?? -1 }) - 1
  }
  const addInputs = (derivation: string, inputs: readonly string[]): void => {
    told.add(derivation)
    for (const input of inputs) arrow(input, buildOf(derivation))
  }
  return {
    add({ path, kind, builtHere, derivation, build }) {
      if (kind === 'derivation' && build !== undefined) {
        addInputs(
          path,
          build.inputs.map(input => input.path),
        )
      }
      if (kind !== 'output' || derivation === undefined) return
      arrow(derivation, path)
      if (!builtHere) return
      arrow(buildOf(derivation), path)
      needed.add(derivation)
    },
    addInputs,
    unknown: () => [...needed].filter(derivation => !told.has(derivation)),
    left: () => left,
    after(paths) {
      const found = new Set<number>()
      const waiting: number[] = []
      for (const path of paths) {
        const number = numbers.get(path)
        if (number !== undefined) waiting.push(number)
      }
      const starts = new Set(waiting)
      for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
        for (let next = first[at] ?? -1; next >= 0; next = arrows[next]?.next ?? -1) {
          const to = arrows[next]?.to ?? 0
          if (found.has(to)) continue
          found.add(to)
          waiting.push(to)
        }
      }
      const reached = [...found].filter(number => !starts.has(number)).map(number => names[number] ?? '')
      return new Set(reached.filter(name => !name.startsWith(BUILD)))
    },
  }
}

const BUILD = 'build '

/** Running a derivation, which needs its inputs; the derivation itself does not. */
function buildOf(derivation: string): string {
  return BUILD + derivation
}

/** A text of its own: a part of an entry's would keep all of it. */
export function copied(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1')
}
