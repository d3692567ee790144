/** What the audits of a fleet say in words, for a terminal and for a page. All text is escaped. */

import { endingName } from '../audit/ending-name.ts'
import { list, pathWord, when, word } from '../policy/words.ts'
import { counted } from '../primitives/counted.ts'
import { printableAgain } from '../primitives/printable.ts'
import { agoWords } from './ago-words.ts'
import { FINDING_KINDS, type Finding, type FindingKind, type Fleet } from './fleet.ts'

/** The findings of one kind. */
export interface Section {
  readonly kind: FindingKind
  readonly title: string
  /** What it may mean, and what to do. */
  readonly next: string
  readonly items: readonly Item[]
}

export interface Item {
  readonly text: string
  readonly details: readonly string[]
}

/** Machines that are named in one line, paths of one difference, and its other details. */
const NAMES = 8
const PATHS = 5
const DETAILS = 20
/** Digits of a hash. */
const DIGITS = 16

const TITLES: Readonly<Record<FindingKind, string>> = {
  bytes: 'Different bytes under one path',
  altered: 'Contents that are not what the store registered',
  identity: 'Machines that claim one name or one key',
  'revoked-key': 'Keys that are revoked on some machines and count on others',
  policy: 'Policies that differ',
  verdict: 'Paths that some machines trust and others refuse',
  lenient: 'Machines that refuse nothing',
  missing: 'Machines without an audit',
  unreadable: 'Files that are no audit',
  unexpected: 'Machines that are not expected',
  old: 'Audits of another time',
  superseded: 'Audits left out, as the machine has another',
}

const NEXT: Readonly<Record<FindingKind, string>> = {
  bytes:
    'compare them: nixsig explain PATH on each. Where several machines built it themselves, the build may not be reproducible; otherwise somebody changed it or lied about it',
  altered: 'on that machine: nix-store --verify-path PATH, then nix-store --repair-path PATH',
  identity: 'find out where each file comes from: an audit is not signed, and its name is what the file says',
  'revoked-key': 'bring the revocation to the others: nixsig trust update, or the line in their policy',
  policy: 'on two of them: nixsig policy diff OLD NEW',
  verdict: 'on a machine that refuses: nixsig explain PATH',
  lenient: 'on that machine: nixsig status, then nixsig enforce',
  missing: 'look at what writes its audit: on NixOS systemctl status nixsig-report.timer',
  unreadable: 'make it again: nixsig audit --json',
  unexpected: 'add it to the list, or find out who put the file there',
  old: 'look at the timer and the clock there',
  superseded: 'keep one file for each machine',
}

/** The findings by kind, the worst first; kinds without any are left out. */
export function sectionsOf(fleet: Fleet): readonly Section[] {
  return FINDING_KINDS.map(kind => ({
    kind,
    title: TITLES[kind],
    next: NEXT[kind],
    items: fleet.findings.filter(finding => finding.kind === kind).flatMap(one => itemsOf(fleet, one)),
  })).filter(({ items }) => items.length > 0)
}

/** `3 machines, 1204 paths; findings of 2 kinds`. */
export function headlineOf(fleet: Fleet): string {
  const kinds = new Set(fleet.findings.map(({ kind }) => kind)).size
  const found = kinds === 0 ? 'no differences' : `findings of ${counted(kinds, 'kind')}`
  return `${counted(fleet.machines.length, 'machine')}, ${counted(fleet.paths, 'path')}; ${found}`
}

/** The rows of the table of machines, with the names of its columns first. */
export function machineRows(fleet: Fleet): readonly (readonly string[])[] {
  return [
    ['machine', 'audited', 'mode', 'policy', 'trusted', 'refused', 'let in', 'not known'],
    ...fleet.machines.map(({ label, time, policy, respite, counts }) => [
      word(label),
      agoWords(fleet.time - time),
      respite !== undefined && respite.until > fleet.time ? 'respite' : policy.mode,
      policy.digest.slice(0, DIGITS),
      String(counts.trusted),
      String(counts.untrusted + counts.indeterminate),
      String(counts.letIn),
      String(counts.unjudged),
    ]),
  ]
}

/** The keys that most rests on, one a line. */
export function keyLines(fleet: Fleet, most: number): readonly string[] {
  return fleet.keys.slice(0, most).map(({ label, principal, falls, paths }) => {
    const who = principal === undefined ? '' : ` of ${word(principal)}`
    return `${word(label)}${who}: ${counted(paths, 'path')} on ${counted(falls.length, 'machine')} would fall without it`
  })
}

/** What ends, the nearest first, one a line. */
export function endLines(fleet: Fleet, most: number): readonly string[] {
  return fleet.ends.slice(0, most).map(ending => {
    const { label, at, falls } = ending
    const [ends, fall] = at <= fleet.time ? ['ended', 'fell'] : ['ends', 'would fall']
    const paths = falls.reduce((sum, one) => sum + one.paths, 0)
    const where = names(
      fleet,
      falls.map(({ machine }) => machine),
    )
    return `${endingName(ending, label)} ${ends} ${when(at)}; ${counted(paths, 'path')} ${fall} on ${where}`
  })
}

function itemsOf(fleet: Fleet, finding: Finding): readonly Item[] {
  const name = (machine: number) => word(fleet.machines[machine]?.label ?? '')
  const item = (text: string, ...details: readonly string[]): readonly Item[] => {
    const more = details.length > DETAILS ? [`and ${details.length - DETAILS} more`] : []
    return [{ text, details: [...details.slice(0, DETAILS), ...more] }]
  }
  switch (finding.kind) {
    case 'bytes':
      return item(pathWord(finding.path), ...finding.contents.map(each => contentsWords(fleet, each)))
    case 'altered':
      return item(
        `${name(finding.machine)}: ${pathWord(finding.path)}`,
        `registered as ${finding.registered}`,
        `on the disk ${finding.found ?? 'what cannot be read'}`,
      )
    case 'identity':
      return item(`${finding.what} ${word(finding.value)}`, ...filesOf(fleet, finding.machines))
    case 'revoked-key':
      return item(
        word(finding.label),
        `revoked on ${names(fleet, finding.revoked)}`,
        `counts on ${names(fleet, finding.counting)}`,
      )
    case 'policy':
      return finding.policies.flatMap(({ digest, mode, machines }) =>
        item(`${digest.slice(0, DIGITS)} (${mode}): ${names(fleet, machines)}`),
      )
    case 'verdict':
      return splitItem(fleet, finding)
    case 'lenient':
      return item(`${name(finding.machine)}: ${lenientWords(fleet, finding)}`)
    case 'missing':
      return item(word(finding.name))
    case 'unreadable':
      return item(word(finding.file), finding.why)
    case 'unexpected':
      return item(name(finding.machine))
    case 'old':
      return item(`${name(finding.machine)}: ${agoWords(finding.age)}`)
    case 'superseded':
      return item(`${word(finding.file)}: ${leftWords(name(finding.machine), finding.why)}`)
  }
}

function leftWords(machine: string, why: Of<'superseded'>['why']): string {
  return why === 'older' ? `${machine} has a newer one` : `of a time to come; ${machine} has another one`
}

type Of<Kind extends FindingKind> = Extract<Finding, { readonly kind: Kind }>

function contentsWords(
  fleet: Fleet,
  { narHash, machines, builtOn }: Of<'bytes'>['contents'][number],
): string {
  const built = builtOn.length === 0 ? '' : `; built by ${names(fleet, builtOn)}`
  return `${narHash} on ${names(fleet, machines)}${built}`
}

function filesOf(fleet: Fleet, machines: readonly number[]): readonly string[] {
  return machines.map(machine => {
    const { name = '', file = '', key } = fleet.machines[machine] ?? {}
    return `${word(file)}: ${word(name)}, ${key === undefined ? 'without a key' : word(key)}`
  })
}

function splitItem(fleet: Fleet, { trusted, refused, count, paths }: Of<'verdict'>): readonly Item[] {
  const text = `${counted(count, 'path')}: trusted on ${names(fleet, trusted)}, refused on ${names(fleet, refused)}`
  const details = paths
    .slice(0, PATHS)
    .map(
      ({ path, message }) =>
        `${pathWord(path)}${message === undefined ? '' : `: ${printableAgain(message)}`}`,
    )
  const more = count > details.length ? [`and ${count - details.length} more`] : []
  return [{ text, details: [...details, ...more] }]
}

function lenientWords({ machines }: Fleet, { machine, why }: Of<'lenient'>): string {
  if (why === 'warn') return 'its policy only warns'
  const { respite } = machines[machine] ?? {}
  if (respite === undefined) return 'a respite'
  const reason = respite.reason === '' ? '' : `: ${word(respite.reason)}`
  return `a respite until ${when(respite.until)}${reason}`
}

function names({ machines }: Fleet, places: readonly number[]): string {
  return list(
    places.map(place => word(machines[place]?.label ?? '')),
    NAMES,
  )
}
