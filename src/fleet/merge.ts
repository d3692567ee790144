/** Puts audits of many machines together. */
import type { Audit } from '../audit/audit.ts'
import type { Instant } from '../policy/policy.ts'
import { comparePaths } from './compare-paths.ts'
import { CLOCKS_DIFFER, type Condensed, condense, openTexts } from './condensed.ts'
import {
  FINDING_KINDS,
  type Finding,
  type Fleet,
  type FleetEnding,
  type FleetKey,
  type Machine,
} from './fleet.ts'

export interface MergeOptions {
  /** The time of the report. */
  readonly now: Instant
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

/** Begins without any. Of several audits of the same name and key the newest counts. */
export function openMerge(): Merge {
  const texts = openTexts()
  const unreadable: Finding[] = []
  const newest = new Map<string, Condensed>()
  const older: { readonly file: string; readonly of: string }[] = []
  return {
    add(file, audit) {
      const read = condense(file, audit, texts)
      const of = JSON.stringify([read.machine.name, read.machine.key ?? null])
      const before = newest.get(of)
      const isNewer = before === undefined || read.machine.time > before.machine.time
      if (before !== undefined) older.push({ file: isNewer ? before.machine.file : file, of })
      if (isNewer) newest.set(of, read)
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
        ...lenientIn(machines, options.now),
        ...expectedIn(machines, options.expected),
        ...unreadable,
        ...oldIn(machines, options),
        ...older.map(({ file, of }) => ({
          kind: 'superseded' as const,
          file,
          machine: all.findIndex(one => one.of === of),
        })),
      ]
      const rank = ({ kind }: Finding) => FINDING_KINDS.indexOf(kind)
      return {
        time: options.now,
        machines,
        paths: new Set(paths.flatMap(({ path }) => [...path])).size,
        findings: [...findings].sort((a, b) => rank(a) - rank(b)),
        keys: keysIn(reads),
        ends: endsIn(reads),
      }
    },
  }
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

function oldIn(
  machines: readonly Machine[],
  { now, oldAfter }: Pick<MergeOptions, 'now' | 'oldAfter'>,
): readonly Finding[] {
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
  const ends = new Map<string, FleetEnding>()
  for (const [machine, read] of reads.entries()) {
    for (const { kind, what, who, at } of read.ends) {
      // An exemption is a line of a policy: that of another machine is another.
      const name = JSON.stringify(
        kind === 'exemption' ? [kind, what, read.machine.policy.digest] : [kind, what],
      )
      const before = ends.get(name)
      ends.set(name, {
        ...(before ?? { kind, what, who }),
        at: Math.min(at, before?.at ?? at),
        machines: [...(before?.machines ?? []), machine],
      })
    }
  }
  return [...ends.values()].sort((a, b) => a.at - b.at || compareTexts(a.what, b.what))
}
