/** Puts audits of many machines together. */
import type { Audit } from '../audit/audit.ts'
import type { Instant } from '../policy/policy.ts'
import { comparePaths } from './compare-paths.ts'
import { CLOCKS_DIFFER, type Condensed, condense, openTexts, type PathColumns } from './condensed.ts'
import {
  FINDING_KINDS,
  type Finding,
  type Fleet,
  type FleetEnding,
  type FleetKey,
  type Machine,
} from './fleet.ts'

export interface MergeOptions {
  /** Audits that began longer ago, in seconds, are old. */
  readonly oldAfter: number
  /** Names of the machines that there should be; undefined: any. */
  readonly expected: readonly string[] | undefined
}

/** Audits on their way into a report. */
export interface Merge {
  /** `file`: its name, for the report. */
  add(file: string, audit: Audit): void
  /** `why`: escaped. */
  addUnreadable(file: string, why: string): void
  report(options: MergeOptions): Fleet
}

/**
 * Begins without any. `now`: the time of the report. Of several audits of the same name and key the
 * newest counts, but for one that says it is of a time to come: whoever could put such a one beside a
 * machine's own would take its place for good.
 */
export function openMerge(now: Instant): Merge {
  const texts = openTexts()
  const unreadable: Finding[] = []
  const newest = new Map<string, Condensed>()
  const left: { readonly file: string; readonly of: string; readonly why: 'older' | 'to-come' }[] = []
  return {
    add(file, audit) {
      const read = condense(file, audit, texts)
      const of = JSON.stringify([read.machine.name, read.machine.key ?? null])
      const before = newest.get(of)
      if (before === undefined) newest.set(of, read)
      else {
        const [other, one] = comesAfter(read, before, now) ? [before, read] : [read, before]
        newest.set(of, one)
        const why = isToCome(other, now) && !isToCome(one, now) ? 'to-come' : 'older'
        left.push({ file: other.machine.file, of, why })
      }
    },
    addUnreadable(file, why) {
      unreadable.push({ kind: 'unreadable', file, why })
    },
    report(options) {
      const all = [...newest].map(([of, read]) => ({ of, read, label: labelOf(read, newest) }))
      all.sort((a, b) => compareTexts(a.label, b.label))
      const reads = all.map(({ read }) => read)
      const machines = all.map(({ read, label }) => ({ label, ...read.machine }))
      const paths = reads.map(read => read.paths)
      const findings: readonly Finding[] = [
        ...comparePaths(paths, texts),
        ...reads.flatMap(({ altered }, machine) =>
          altered.map(one => ({ kind: 'altered' as const, machine, ...one })),
        ),
        ...identitiesIn(machines),
        ...revokedIn(reads),
        ...policiesIn(machines),
        ...lenientIn(machines, now),
        ...expectedIn(machines, options.expected),
        ...unreadable,
        ...oldIn(machines, now, options.oldAfter),
        ...left.map(({ file, of, why }) => ({
          kind: 'superseded' as const,
          file,
          why,
          machine: all.findIndex(one => one.of === of),
        })),
      ]
      const rank = ({ kind }: Finding) => FINDING_KINDS.indexOf(kind)
      return {
        time: now,
        machines,
        paths: countPaths(paths, texts.count()),
        findings: [...findings].sort((a, b) => rank(a) - rank(b)),
        keys: keysIn(reads),
        ends: endsIn(reads),
      }
    },
  }
}

function comesAfter(read: Condensed, before: Condensed, now: Instant): boolean {
  if (isToCome(read, now) !== isToCome(before, now)) return isToCome(before, now)
  return read.machine.time > before.machine.time
}

function isToCome({ machine }: Condensed, now: Instant): boolean {
  return machine.time > now + CLOCKS_DIFFER
}

function countPaths(machines: readonly PathColumns[], texts: number): number {
  const seen = new Uint8Array(texts)
  for (const { path } of machines) for (const number of path) seen[number] = 1
  return seen.reduce((count, one) => count + one, 0)
}

/** By code units, so that every machine puts them in one order. */
function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function labelOf({ machine }: Condensed, all: ReadonlyMap<string, Condensed>): string {
  const others = [...all.values()].filter(other => other.machine.name === machine.name)
  return others.length > 1 ? `${machine.name} (${machine.file})` : machine.name
}

/** Places of machines by something that they say of themselves, in the order of the first. */
function byValue(
  machines: readonly Machine[],
  ofMachine: (machine: Machine) => string | undefined,
): ReadonlyMap<string, readonly number[]> {
  const places = new Map<string, number[]>()
  for (const [place, machine] of machines.entries()) {
    const value = ofMachine(machine)
    if (value !== undefined) places.set(value, [...(places.get(value) ?? []), place])
  }
  return places
}

function identitiesIn(machines: readonly Machine[]): readonly Finding[] {
  const shared = (what: 'name' | 'key') =>
    [...byValue(machines, machine => machine[what])]
      .filter(([, places]) => places.length > 1)
      .map(([value, places]) => ({ kind: 'identity' as const, what, value, machines: places }))
  return [...shared('name'), ...shared('key')]
}

function revokedIn(reads: readonly Condensed[]): readonly Finding[] {
  const keys = new Map<string, { label: string; revoked: number[]; counting: number[] }>()
  for (const [place, read] of reads.entries()) {
    for (const { identity, label, isRevoked } of read.keys) {
      const key = keys.get(identity) ?? { label, revoked: [], counting: [] }
      const places = isRevoked ? key.revoked : key.counting
      places.push(place)
      keys.set(identity, key)
    }
  }
  return [...keys]
    .filter(([, { revoked, counting }]) => revoked.length > 0 && counting.length > 0)
    .map(([key, found]) => ({ kind: 'revoked-key', key, ...found }))
}

function policiesIn(machines: readonly Machine[]): readonly Finding[] {
  const all = [...byValue(machines, ({ policy }) => `${policy.mode} ${policy.digest}`).values()]
    .map(places => ({ ...policyOf(machines, places), machines: places }))
    .sort((a, b) => b.machines.length - a.machines.length)
  return all.length > 1 ? [{ kind: 'policy', policies: all }] : []
}

function policyOf(machines: readonly Machine[], [first = 0]: readonly number[]): Machine['policy'] {
  return machines[first]?.policy ?? { digest: '', mode: 'warn' }
}

function lenientIn(machines: readonly Machine[], now: Instant): readonly Finding[] {
  return machines.flatMap(({ policy, respite }, machine): readonly Finding[] => {
    if (policy.mode === 'warn') return [{ kind: 'lenient', machine, why: 'warn' }]
    const isIn = respite !== undefined && respite.until > now
    return isIn ? [{ kind: 'lenient', machine, why: 'respite' }] : []
  })
}

function expectedIn(
  machines: readonly Machine[],
  expected: readonly string[] | undefined,
): readonly Finding[] {
  if (expected === undefined) return []
  const names = new Set(expected)
  const there = new Set(machines.map(({ name }) => name))
  return [
    ...[...names].filter(name => !there.has(name)).map(name => ({ kind: 'missing' as const, name })),
    ...machines.flatMap(({ name }, machine) =>
      names.has(name) ? [] : [{ kind: 'unexpected' as const, machine }],
    ),
  ]
}

function oldIn(machines: readonly Machine[], now: Instant, oldAfter: number): readonly Finding[] {
  return machines
    .map(({ time }, machine) => ({ kind: 'old' as const, machine, age: now - time }))
    .filter(({ age }) => age > oldAfter || age < -CLOCKS_DIFFER)
    .sort((a, b) => b.age - a.age)
}

function keysIn(reads: readonly Condensed[]): readonly FleetKey[] {
  const keys = new Map<string, FleetKey & { falls: { machine: number; paths: number }[]; paths: number }>()
  for (const [machine, read] of reads.entries()) {
    for (const { identity, label, principal, falls } of read.keys) {
      if (falls === 0) continue
      const key = keys.get(identity) ?? { identity, label, principal, falls: [], paths: 0 }
      key.falls.push({ machine, paths: falls })
      keys.set(identity, { ...key, paths: key.paths + falls })
    }
  }
  return [...keys.values()].sort((a, b) => b.paths - a.paths || compareTexts(a.identity, b.identity))
}

function endsIn(reads: readonly Condensed[]): readonly FleetEnding[] {
  const ends = new Map<string, FleetEnding & { readonly falls: FleetEnding['falls'][number][] }>()
  for (const [machine, read] of reads.entries()) {
    for (const { falls: paths, ...ending } of read.ends) {
      const { kind, what, at } = ending
      // An exemption is a line of a policy: that of another machine is another.
      const name = JSON.stringify(
        kind === 'exemption' ? [kind, what, read.machine.policy.digest] : [kind, what],
      )
      const { falls, ...before } = ends.get(name) ?? { ...ending, falls: [] }
      // A machine may say it twice.
      if (falls.at(-1)?.machine !== machine) falls.push({ machine, paths })
      ends.set(name, { ...before, at: Math.min(at, before.at), falls })
    }
  }
  return [...ends.values()].sort((a, b) => a.at - b.at || compareTexts(a.what, b.what))
}
