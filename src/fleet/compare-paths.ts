/** In which paths machines differ: in their bytes, and in the verdicts on them. */
import { NOT_KNOWN, type PathColumns, type Texts, verdictAt } from './condensed.ts'
import type { Contents, Finding, SplitPath } from './fleet.ts'

/** Paths of one split that are named; the others are only counted. */
const NAMED = 10_000

const TRUSTED = 1
const REFUSED = 2

/**
 * Paths with different NAR hashes on two machines, and paths that one trusts and another refuses.
 * `machines`: in the order of the report.
 */
export function comparePaths(
  machines: readonly PathColumns[],
  texts: Texts,
): readonly Extract<Finding, { readonly kind: 'bytes' | 'verdict' }>[] {
  const { differing, split } = differencesIn(machines, texts.count())
  const rows = rowsOf(machines, new Set([...differing, ...split]))
  return [
    ...[...differing].map(path => ({
      kind: 'bytes' as const,
      path: texts.at(path),
      contents: contentsOf(machines, rows.get(path) ?? [], texts),
    })),
    ...splitsOf(machines, split, { rows, texts }),
  ]
}

/** One pass over everything, with a few bytes for each path. */
function differencesIn(machines: readonly PathColumns[], texts: number) {
  const first = new Uint32Array(texts).fill(NOT_KNOWN)
  const seen = new Uint8Array(texts)
  const differing = new Set<number>()
  const split = new Set<number>()
  for (const { path, narHash, outcome } of machines) {
    for (const [row, number] of path.entries()) {
      const hash = narHash[row] ?? NOT_KNOWN
      const before = first[number] ?? NOT_KNOWN
      if (hash !== NOT_KNOWN && before === NOT_KNOWN) first[number] = hash
      if (hash !== NOT_KNOWN && before !== NOT_KNOWN && hash !== before) differing.add(number)
      const both = (seen[number] ?? 0) | (outcome[row] === 0 ? TRUSTED : REFUSED)
      seen[number] = both
      if (both === (TRUSTED | REFUSED)) split.add(number)
    }
  }
  return { differing, split }
}

/** Where a path stands on a machine. */
interface Place {
  readonly machine: number
  readonly row: number
}

function rowsOf(
  machines: readonly PathColumns[],
  wanted: ReadonlySet<number>,
): ReadonlyMap<number, readonly Place[]> {
  const rows = new Map<number, Place[]>()
  for (const [machine, { path }] of machines.entries()) {
    for (const [row, number] of path.entries()) {
      if (!wanted.has(number)) continue
      const places = rows.get(number) ?? []
      places.push({ machine, row })
      rows.set(number, places)
    }
  }
  return rows
}

/** The contents of a path, those of most machines first. */
function contentsOf(
  machines: readonly PathColumns[],
  places: readonly Place[],
  texts: Texts,
): readonly Contents[] {
  const byHash = new Map<number, { machines: number[]; builtOn: number[] }>()
  for (const { machine, row } of places) {
    const hash = machines[machine]?.narHash[row] ?? NOT_KNOWN
    if (hash === NOT_KNOWN) continue
    const contents = byHash.get(hash) ?? { machines: [], builtOn: [] }
    contents.machines.push(machine)
    if (machines[machine]?.builtHere[row] === 1) contents.builtOn.push(machine)
    byHash.set(hash, contents)
  }
  return [...byHash]
    .map(([hash, contents]) => ({ narHash: texts.at(hash), ...contents }))
    .sort((a, b) => b.machines.length - a.machines.length)
}

/** The paths that are split, by who trusts them and who refuses them; the largest group first. */
function splitsOf(
  machines: readonly PathColumns[],
  split: ReadonlySet<number>,
  { rows, texts }: { readonly rows: ReadonlyMap<number, readonly Place[]>; readonly texts: Texts },
): readonly Extract<Finding, { readonly kind: 'verdict' }>[] {
  const groups = new Map<
    string,
    { trusted: number[]; refused: number[]; count: number; paths: SplitPath[] }
  >()
  for (const number of split) {
    const trusted: number[] = []
    const refusals: Place[] = []
    for (const place of rows.get(number) ?? []) {
      if (machines[place.machine]?.outcome[place.row] === 0) trusted.push(place.machine)
      else refusals.push(place)
    }
    const refused = refusals.map(({ machine }) => machine)
    const name = `${trusted.join()} ${refused.join()}`
    const group = groups.get(name) ?? { trusted, refused, count: 0, paths: [] }
    group.count++
    groups.set(name, group)
    const [first] = refusals
    const columns = machines[first?.machine ?? -1]
    if (first === undefined || columns === undefined || group.paths.length >= NAMED) continue
    const { outcome, status } = verdictAt(columns, first.row)
    if (outcome === 'trusted') continue
    group.paths.push({ path: texts.at(number), outcome, status, message: columns.messages.get(number) })
  }
  return [...groups.values()].sort((a, b) => b.count - a.count).map(group => ({ kind: 'verdict', ...group }))
}
