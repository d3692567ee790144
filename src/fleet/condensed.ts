/**
 * Audits in little memory: of each path of a machine some numbers, of each text one copy for all
 * machines. An audit of a system is megabytes, and a fleet has hundreds.
 */
import type { Audit, AuditedPath } from '../audit/audit.ts'
import { labelsOfEnding } from '../audit/ending-name.ts'
import { isOnlyLetIn } from '../audit/let-in.ts'
import type { ExitCode } from '../policy/exit-code.ts'
import type { KeyIdentity } from '../policy/policy.ts'
import type { Counts, FleetEnding, Machine } from './fleet.ts'

/** One machine's audit. */
export interface Condensed {
  readonly machine: Omit<Machine, 'label'>
  readonly paths: PathColumns
  readonly keys: readonly CondensedKey[]
  readonly ends: readonly CondensedEnding[]
  readonly altered: readonly {
    readonly path: string
    readonly registered: string
    readonly found: string | undefined
  }[]
}

/** The audited paths of a machine: in each column one number for each. */
export interface PathColumns {
  /** Places in Texts. */
  readonly path: Uint32Array
  /** Places in Texts of NAR hashes; NOT_KNOWN where there is none. */
  readonly narHash: Uint32Array
  /** Places in OUTCOMES. */
  readonly outcome: Uint8Array
  readonly status: Uint8Array
  readonly builtHere: Uint8Array
  /** Of refused paths, by their place in Texts. */
  readonly messages: ReadonlyMap<number, string>
}

export interface CondensedEnding extends Omit<FleetEnding, 'falls'> {
  readonly falls: number
}

export interface CondensedKey {
  readonly identity: KeyIdentity
  readonly label: string
  readonly principal: string | undefined
  readonly isRevoked: boolean
  readonly falls: number
}

export const NOT_KNOWN = 0xffffffff
export const OUTCOMES = ['trusted', 'untrusted', 'indeterminate'] as const

/** UTF-16 units of a refusal that are kept. */
const MESSAGE = 600

/** Texts of which each has a number, from 0. */
export interface Texts {
  numberOf(text: string): number
  at(number: number): string
  count(): number
}

export function openTexts(): Texts {
  const numbers = new Map<string, number>()
  const texts: string[] = []
  return {
    numberOf(text) {
      const known = numbers.get(text)
      if (known !== undefined) return known
      const own = ownCopy(text)
      numbers.set(own, texts.length)
      return texts.push(own) - 1
    },
    at: number => texts[number] ?? '',
    count: () => texts.length,
  }
}

/** A part of a text keeps the whole text in memory: for V8 it is a place in that. A copy does not. */
function ownCopy(text: string): string {
  return Buffer.from(text, 'utf16le').toString('utf16le')
}

/** Keeps of an audit what a fleet's report needs. `file`: its name. */
export function condense(file: string, audit: Audit, texts: Texts): Condensed {
  const { machine, policy, respite, asked, time, version, keys, principals, disk } = audit
  return {
    machine: {
      file,
      name: ownCopy(machine.name),
      key: machine.key === undefined ? undefined : ownCopy(machine.key),
      time,
      version: ownCopy(version),
      policy: { digest: ownCopy(policy.digest), mode: policy.mode },
      respite: respite === undefined ? undefined : { ...respite, reason: ownCopy(respite.reason) },
      asked: asked.kind,
      counts: countsOf(audit),
    },
    paths: columnsOf(audit.paths, texts),
    keys: keys.map(({ identity, label, principal, isRevoked, falls }) => ({
      identity: ownCopy(identity),
      label: ownCopy(label),
      principal: principal === undefined ? undefined : copied(principals[principal]?.name),
      isRevoked,
      falls: falls.length,
    })),
    ends: endsOf(audit),
    altered: disk.differing.map(({ path, registered, found }) => ({
      path: ownCopy(audit.paths[path]?.path ?? ''),
      registered: ownCopy(registered),
      found: copied(found),
    })),
  }
}

function endsOf(audit: Audit): readonly CondensedEnding[] {
  const labelOf = labelsOfEnding(audit)
  return audit.ends.map(ending => {
    const { kind, what, who, at, falls } = ending
    const label = copied(labelOf(ending))
    return { kind, what: ownCopy(what), label, who: copied(who), at, falls: falls.length }
  })
}

function copied(text: string | undefined): string | undefined {
  return text === undefined ? undefined : ownCopy(text)
}

function columnsOf(paths: readonly AuditedPath[], texts: Texts): PathColumns {
  const messages = new Map<number, string>()
  const path = Uint32Array.from(paths, one => texts.numberOf(one.path))
  for (const [index, { message }] of paths.entries()) {
    if (message !== undefined) messages.set(path[index] ?? NOT_KNOWN, ownCopy(message.slice(0, MESSAGE)))
  }
  return {
    path,
    narHash: Uint32Array.from(paths, ({ narHash }) =>
      narHash === undefined ? NOT_KNOWN : texts.numberOf(narHash),
    ),
    outcome: Uint8Array.from(paths, ({ outcome }) => OUTCOMES.indexOf(outcome)),
    status: Uint8Array.from(paths, ({ status }) => status),
    builtHere: Uint8Array.from(paths, ({ builtHere }) => Number(builtHere)),
    messages,
  }
}

function countsOf({ paths, disk, unjudged }: Audit): Counts {
  const closure = paths.filter(({ part }) => part === 'closure')
  const count = (is: (path: AuditedPath) => boolean) => closure.filter(is).length
  return {
    trusted: count(({ outcome }) => outcome === 'trusted'),
    untrusted: count(({ outcome }) => outcome === 'untrusted'),
    indeterminate: count(({ outcome }) => outcome === 'indeterminate'),
    letIn: count(isOnlyLetIn),
    exempted: count(({ outcome, basis }) => outcome === 'trusted' && basis === 'exemption'),
    unjudged,
    unregistered: disk.unregistered.length,
    altered: disk.differing.length,
    missing: disk.missing.length,
  }
}

/** The verdict of a row of a machine's paths. */
export function verdictAt(
  columns: PathColumns,
  row: number,
): { readonly outcome: AuditedPath['outcome']; readonly status: ExitCode } {
  return {
    outcome: OUTCOMES[columns.outcome[row] ?? 2] ?? 'indeterminate',
    status: (columns.status[row] ?? 20) as ExitCode,
  }
}

/** By how much the clocks of two machines may differ, in seconds. */
export const CLOCKS_DIFFER = 300
