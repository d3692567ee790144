/**
 * Which entries may be about a source, without looking at all of them. Each glob stands in one of
 * two tables: by the literal text with which all that it matches begins, or by the text, reversed,
 * with which all of that ends; whichever fewer entries share, or the longer one. A value is, in 32
 * bits each, the place of the longest other key with which this key begins, plus 1, or 0, and then
 * the numbers of the entries.
 */
import { PEOPLE_LIMIT } from '../../policy/lists/people-cost.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { printable } from '../../primitives/printable.ts'
import { literalStart } from './layout.ts'
import { type Table, u32 } from './table.ts'

/** What is looked through for one source, by each table: bytes of records, and so many for each. */
const COST_LIMIT = 32 * 1024
const COST_OF_ENTRY = 512
/** Each 32 characters, or fewer, that are searched for with `?` among them cost so much: see findPattern. */
const COST_OF_WILD = 512
const WILD_PIECE = 32

/** An entry before it has a number. */
export interface Indexed {
  readonly name: string
  readonly names: readonly string[]
  readonly urls: readonly string[]
  /** Whom it names. */
  readonly by: readonly string[]
  readonly record: Buffer
}

type IndexTable = [key: Buffer, value: Buffer][]

/**
 * The two tables for entries by their numbers. `costs`: of whom they name, see people-cost.ts. Throws
 * FormatError, which names an entry, if for some source too many of them would have to be looked
 * through, or too many people and keys that they name.
 */
export function globIndex(
  entries: readonly Indexed[],
  costs: ReadonlyMap<string, number>,
): {
  readonly starts: IndexTable
  readonly ends: IndexTable
} {
  const by = { starts: new Map<string, Set<number>>(), ends: new Map<string, Set<number>>() }
  const add = (index: Map<string, Set<number>>, key: string, number: number) =>
    index.set(key, (index.get(key) ?? new Set()).add(number))
  const shared = { starts: new Map<string, Set<number>>(), ends: new Map<string, Set<number>>() }
  for (const [number, { names }] of entries.entries()) {
    for (const glob of names) {
      add(shared.starts, literalStart(glob), number)
      add(shared.ends, reversedEnd(glob), number)
    }
  }
  for (const [number, { names }] of entries.entries()) {
    for (const glob of names) {
      const [start, end] = [literalStart(glob), reversedEnd(glob)]
      const more = (shared.starts.get(start)?.size ?? 0) - (shared.ends.get(end)?.size ?? 0)
      const isByEnd = more > 0 || (more === 0 && end.length > start.length)
      if (isByEnd) add(by.ends, end, number)
      else add(by.starts, start, number)
    }
  }
  return {
    starts: tableFor(by.starts, entries, costs, 'begin'),
    ends: tableFor(by.ends, entries, costs, 'end'),
  }
}

/** The numbers of all entries that may be about what has this name, each once, the smallest first. */
export function numbersFor(starts: Table, ends: Table, name: string): readonly number[] {
  const found = [...numbersBy(starts, Buffer.from(name)), ...numbersBy(ends, Buffer.from(reversed(name)))]
  return [...new Set(found)].sort((a, b) => a - b)
}

function* numbersBy(table: Table, text: Buffer): Generator<number> {
  // The longest key with which the text begins is the floor, or one with which the floor begins.
  let entry = table.floor(text)
  while (entry !== undefined) {
    const { index, key, value } = entry
    if (value.length < 4 || value.length % 4 !== 0)
      throw new FormatError('book', 'an index is damaged', `${index}`)
    if (text.subarray(0, key.length).equals(key))
      for (let at = 4; at < value.length; at += 4) yield value.readUInt32LE(at)
    const above = value.readUInt32LE(0) - 1
    // Whatever a key begins with comes before it, so this ends.
    if (above >= index) throw new FormatError('book', 'an index is damaged', `${index}`)
    entry = above < 0 ? undefined : table.at(above)
  }
}

function tableFor(
  index: ReadonlyMap<string, ReadonlySet<number>>,
  entries: readonly Indexed[],
  costs: ReadonlyMap<string, number>,
  side: 'begin' | 'end',
): IndexTable {
  const keys = [...index.keys()].sort()
  const table: IndexTable = []
  /** The keys with which the current one begins. */
  const above: Above[] = []
  for (const [place, key] of keys.entries()) {
    while (above.length > 0 && !key.startsWith(above.at(-1)?.key ?? '')) above.pop()
    const numbers = [...(index.get(key) ?? [])]
    const one = numbers.reduce((sum, number) => sum + costOf(entries[number]), 0)
    const cost = one + (above.at(-1)?.cost ?? 0)
    if (cost > COST_LIMIT) throw tooMany(numbers, entries, key, side)
    const people = numbers.reduce((sum, number) => sum + costOfPeople(entries[number]?.by, costs), 0)
    const named = { numbers, people: people + (above.at(-1)?.people ?? 0) }
    if (named.people > PEOPLE_LIMIT) assertFew([...above, named], entries, costs)
    table.push([Buffer.from(key), u32((above.at(-1)?.place ?? -1) + 1, ...numbers)])
    above.push({ key, place, cost, ...named })
  }
  return table
}

/** A key with which others begin. */
interface Above {
  readonly key: string
  readonly place: number
  readonly numbers: readonly number[]
  /** What it costs to look through its entries, and those of all keys with which it begins. */
  readonly cost: number
  /** The same of whom they name, each as often as they are named. */
  readonly people: number
}

function costOfPeople(names: Iterable<string> = [], costs: ReadonlyMap<string, number>): number {
  return [...names].reduce((sum, name) => sum + (costs.get(name) ?? 0), 0)
}

/** Throws FormatError if these cost too much, counted once each. */
function assertFew(
  keys: readonly Pick<Above, 'numbers'>[],
  entries: readonly Indexed[],
  costs: ReadonlyMap<string, number>,
): void {
  const together = keys.flatMap(({ numbers }) => numbers.flatMap(number => entries[number] ?? []))
  if (costOfPeople(new Set(together.flatMap(({ by }) => by)), costs) <= PEOPLE_LIMIT) return
  const last = together.at(-1)
  const alone = costOfPeople(last?.by, costs) > PEOPLE_LIMIT
  throw new FormatError(
    'list',
    alone
      ? `names more people and keys, or larger certificates, than can count for one source (${PEOPLE_LIMIT}): name fewer`
      : `is one of several that could match one source and together name more people and keys, or larger certificates, than can count for it (${PEOPLE_LIMIT}): name fewer, or write out more of the globs`,
    `developers.${printable(last?.name ?? '')}`,
  )
}

function costOf(entry: Indexed | undefined): number {
  if (entry === undefined) return 0
  const searched = [...entry.names, ...entry.urls].flatMap(glob => glob.split('*').slice(1, -1))
  const wild = searched.filter(part => part.includes('?'))
  const pieces = wild.reduce((sum, { length }) => sum + Math.ceil(length / WILD_PIECE), 0)
  return COST_OF_ENTRY + entry.record.length + COST_OF_WILD * pieces
}

function tooMany(
  numbers: readonly number[],
  entries: readonly Indexed[],
  key: string,
  side: 'begin' | 'end',
): FormatError {
  const entry = entries[numbers.at(-1) ?? 0]
  const keyOf = (glob: string) => (side === 'begin' ? literalStart(glob) : reversedEnd(glob))
  const glob = entry?.names.find(one => keyOf(one) === key) ?? ''
  const text = side === 'begin' ? key : reversed(key)
  const where = `developers.${printable(entry?.name ?? '')}`
  if (costOf(entry) > COST_LIMIT)
    return new FormatError('list', 'has too much text in its globs, that with "?" in it above all', where)
  const how = side === 'begin' ? 'begins' : 'ends'
  const what =
    text === '' ? `do not say how it ${how}` : `say no more than "${printable(text)}" of how it ${how}`
  return new FormatError(
    'list',
    `the glob "${printable(glob)}" is one of too many that could match one source, as they ${what}: write out more of it`,
    where,
  )
}

/** The ASCII characters with which whatever a glob matches ends, the last one first. */
function reversedEnd(glob: string): string {
  return literalStart(reversed(glob))
}

/** Character by character; names that globs match are ASCII. */
function reversed(text: string): string {
  return text.split('').reverse().join('')
}
