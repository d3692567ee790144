/** What was made of what, as the ledger's entries have it, in a few bytes for each path. */
import type { Admission } from '../ledger/admissions.ts'
import { carryMarks } from './marks.ts'

/** The most paths and arrows that are kept. */
const PATH_LIMIT = 1_000_000
const ARROW_LIMIT = 16_000_000

/**
 * Arrows from a path to what falls with it: from an input to what was built here with it, and from
 * a derivation to its outputs.
 */
export interface MadeOf {
  add(entry: Pick<Admission, 'path' | 'kind' | 'builtHere' | 'derivation' | 'build'>): void
  /** Adds the inputs of a derivation of which no entry tells them. */
  addInputs(derivation: string, inputs: readonly string[]): void
  /** Whether anything that was added falls with this path. */
  leadsOn(path: string): boolean
  /** Derivations of outputs built here whose inputs no entry told. */
  unknown(): readonly string[]
  /** All paths that these lead to, without themselves. */
  after(paths: Iterable<string>): ReadonlySet<string>
  /**
   * The same of several sets at once, in one pass: of each path that is one of a set or to which one
   * leads, the places of those sets, from 0.
   */
  afterEach(sets: readonly Iterable<string>[]): ReadonlyMap<string, readonly number[]>
  /** How many arrows there was no room for. */
  left(): number
}

/** Begins with nothing. `own`: what is kept of a name; by default a text of its own. */
export function openMadeOf(own: (name: string) => string = copied): MadeOf {
  const { numberOf, nameOf, put, next, leads, left } = openArrows(own)
  const needed = new Set<string>()
  const told = new Set<string>()
  const addInputs = (derivation: string, inputs: readonly string[]): void => {
    told.add(derivation)
    for (const input of inputs) put(input, buildOf(derivation))
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
      put(derivation, path)
      if (!builtHere) return
      put(buildOf(derivation), path)
      needed.add(derivation)
    },
    addInputs,
    leadsOn: leads,
    unknown: () => [...needed].filter(derivation => !told.has(derivation)),
    left,
    after(paths) {
      const found = new Set<number>()
      const waiting: number[] = []
      for (const path of paths) {
        const number = numberOf(path)
        if (number !== undefined) waiting.push(number)
      }
      const starts = new Set(waiting)
      for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
        for (const to of next(at)) {
          if (found.has(to)) continue
          found.add(to)
          waiting.push(to)
        }
      }
      const reached = [...found].filter(number => !starts.has(number)).map(nameOf)
      return new Set(reached.filter(name => !name.startsWith(BUILD)))
    },
    afterEach(sets) {
      const starts: (readonly [number, number])[] = []
      const reached = new Map<string, number[]>()
      for (const [set, paths] of sets.entries()) {
        for (const path of paths) {
          const number = numberOf(path)
          // Where there is no room for its arrows, it leads to nothing.
          if (number === undefined) reached.set(path, [...(reached.get(path) ?? []), set])
          else starts.push([number, set])
        }
      }
      for (const [number, own] of carryMarks(starts, sets.length, next)) {
        const name = nameOf(number)
        if (!name.startsWith(BUILD)) reached.set(name, [...own])
      }
      return reached
    },
  }
}

/** Names by numbers, and arrows between them. */
function openArrows(keep: (name: string) => string) {
  const numbers = new Map<string, number>()
  const names: string[] = []
  const first: number[] = []
  // Of each arrow, where it leads, and the next one from the same place.
  const targets: number[] = []
  const nexts: number[] = []
  let left = 0
  const numberOf = (name: string): number | undefined => {
    const known = numbers.get(name)
    if (known !== undefined) return known
    if (names.length >= PATH_LIMIT) return undefined
    const own = keep(name)
    numbers.set(own, names.length)
    first.push(-1)
    return names.push(own) - 1
  }
  return {
    /** The number of a name, known before or new; undefined if there is no room for it. */
    numberOf,
    nameOf: (number: number): string => names[number] ?? '',
    put(from: string, to: string): void {
      const [a, b] = [numberOf(from), numberOf(to)]
      if (a === undefined || b === undefined || targets.length >= ARROW_LIMIT) left++
      else {
        nexts.push(first[a] ?? -1)
        first[a] = targets.push(b) - 1
      }
    },
    /** Whether an arrow leads from it. */
    leads(name: string): boolean {
      const number = numbers.get(name)
      return number !== undefined && (first[number] ?? -1) >= 0
    },
    next(from: number): readonly number[] {
      let at = first[from] ?? -1
      if (at < 0) return NOWHERE
      const found: number[] = []
      for (; at >= 0; at = nexts[at] ?? -1) found.push(targets[at] ?? 0)
      return found
    },
    /** How many arrows there was no room for. */
    left: () => left,
  }
}

const NOWHERE: readonly number[] = []
const BUILD = 'build '

/** Running a derivation, which needs its inputs; the derivation itself does not. */
function buildOf(derivation: string): string {
  return BUILD + derivation
}

/** A text of its own: a part of an entry's would keep all of it. */
export function copied(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1')
}
