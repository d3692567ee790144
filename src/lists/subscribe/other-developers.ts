/** Sources that a newer state of a list gives to other people than the one before. */
import { commonGlob } from '../../policy/glob-intersection.ts'
import { literalStart } from '../book/layout.ts'
import type { Entry } from './people.ts'

/** An entry that lets others sign for sources which had their developers already. */
export interface OtherDevelopers {
  /** A glob over the sources that are meant. */
  readonly names: string
  /** The entry that was about them, and the one that is new or different. */
  readonly before: Entry
  readonly after: Entry
  /** Keys that could not sign for these sources before. None: fewer signatures are enough. */
  readonly keys: readonly string[]
}

export interface FoundOthers {
  readonly others: readonly OtherDevelopers[]
  /** False if there was too much to compare: there may be more. */
  readonly isWhole: boolean
}

/** How many are found, and how long is searched (milliseconds). */
const FOUND_LIMIT = 1000
const PATIENCE = 5000

/**
 * Compares all entries that are new or different with those before whose sources they are about as
 * well. Entries about one source count beside each other, so a new one is enough.
 */
export function otherDevelopers(
  before: ReadonlyMap<string, Entry>,
  after: ReadonlyMap<string, Entry>,
): FoundOthers {
  const others: OtherDevelopers[] = []
  const end = performance.now() + PATIENCE
  const index = byStart([...before.values()])
  for (const entry of after.values()) {
    const old = before.get(entry.name)
    if (old !== undefined && isSame(old, entry)) continue
    for (const other of nearOnes(index, entry)) {
      if (others.length >= FOUND_LIMIT || performance.now() > end) return { others, isWhole: false }
      const found = compared(other, entry, old)
      if (found !== undefined) others.push(found)
    }
  }
  return { others, isWhole: true }
}

function compared(before: Entry, after: Entry, old: Entry | undefined): OtherDevelopers | undefined {
  const keys = [...after.keys].filter(key => !before.keys.has(key))
  const isEasier = keys.length === 0 && after.needed < before.needed
  if (keys.length === 0 && !isEasier) return undefined
  const names = common(before, after)
  if (names === undefined) return undefined
  return hadThem(before, after, old, keys) ? undefined : { names, before, after, keys }
}

/** Whether the same entry let the same people sign for the very same sources before. */
function hadThem(before: Entry, after: Entry, old: Entry | undefined, keys: readonly string[]): boolean {
  if (old === undefined || old === before || old.needed > after.needed) return false
  const globs = ({ names, urls }: Entry) => JSON.stringify([names, urls])
  return globs(old) === globs(after) && keys.every(key => old.keys.has(key))
}

/** A glob over sources that both are about; undefined if they have none in common. */
function common(a: Entry, b: Entry): string | undefined {
  const isAnywhere = a.urls.length === 0 || b.urls.length === 0
  if (!isAnywhere && firstCommon(a.urls, b.urls) === undefined) return undefined
  return firstCommon(a.names, b.names)
}

function firstCommon(some: readonly string[], others: readonly string[]): string | undefined {
  for (const one of some)
    for (const other of others) {
      const found = commonGlob(one, other)
      if (found !== undefined) return found
    }
  return undefined
}

function isSame(a: Entry, b: Entry): boolean {
  const plain = ({ names, urls, needed, keys }: Entry) => [names, urls, needed, [...keys].sort()]
  return JSON.stringify(plain(a)) === JSON.stringify(plain(b))
}

/** Entries by what the names of their sources begin with, sorted. */
type Index = readonly (readonly [start: string, entry: Entry])[]

function byStart(entries: readonly Entry[]): Index {
  const all = entries.flatMap(entry => entry.names.map(glob => [literalStart(glob), entry] as const))
  return all.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
}

/** The entries whose globs could match what this one's do: one beginning begins with the other. */
function nearOnes(index: Index, { names }: Entry): ReadonlySet<Entry> {
  const found = new Set<Entry>()
  for (const start of new Set(names.map(literalStart))) {
    for (let length = 0; length < start.length; length++) {
      const shorter = start.slice(0, length)
      for (let at = firstFrom(index, shorter); index[at]?.[0] === shorter; at++)
        found.add((index[at] as Index[number])[1])
    }
    for (let at = firstFrom(index, start); index[at]?.[0].startsWith(start); at++)
      found.add((index[at] as Index[number])[1])
  }
  return found
}

/** The first place with this beginning, or one that follows it. */
function firstFrom(index: Index, start: string): number {
  let low = 0
  let high = index.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((index[middle]?.[0] ?? '') < start) low = middle + 1
    else high = middle
  }
  return low
}
