/**
 * What the audits of many machines say together, differences first: what `nixsig fleet report`
 * prints in words, as JSON (docs/schemas/fleet-report.schema.json) and as a page. Audits are files
 * that nobody signed: names, keys and everything else are what a file claims. Strings are raw. Numbers
 * in lists of numbers are places in `machines`, from 0.
 */
import type { AuditedPath, Ending } from '../audit/audit.ts'
import type { ExitCode } from '../policy/exit-code.ts'
import type { Instant, KeyIdentity, Policy } from '../policy/policy.ts'

export interface Fleet {
  /** When the audits were put together. */
  readonly time: Instant
  /** One for each pair of a name and a key, in the order of their labels. */
  readonly machines: readonly Machine[]
  /** How many paths at least one machine has. */
  readonly paths: number
  /** What somebody should look at: the worst kind first, in the order of FINDING_KINDS. */
  readonly findings: readonly Finding[]
  /** The keys without which something would fall, the one with most first. */
  readonly keys: readonly FleetKey[]
  /** What ends within 30 days of an audit, the nearest first. */
  readonly ends: readonly FleetEnding[]
}

/** A machine, by its newest audit. */
export interface Machine {
  /** Its name, with its file where others have that name as well. */
  readonly label: string
  readonly file: string
  readonly name: string
  readonly key: KeyIdentity | undefined
  /** When the audit began. */
  readonly time: Instant
  readonly version: string
  readonly policy: { readonly digest: string; readonly mode: Policy['mode'] }
  readonly respite: { readonly until: Instant; readonly reason: string } | undefined
  readonly asked: 'paths' | 'store' | 'system'
  readonly counts: Counts
}

/** How many paths of the closure that was asked for are what. */
export interface Counts {
  readonly trusted: number
  readonly untrusted: number
  readonly indeterminate: number
  /** Let in with a warning, and refused now. */
  readonly letIn: number
  /** Trusted by an exemption alone. */
  readonly exempted: number
  readonly unjudged: number
  /** In the store's directory and not in its database. */
  readonly unregistered: number
  /** Whose contents are not what the store registered. */
  readonly altered: number
  /** Registered, and not on the disk. */
  readonly missing: number
}

/** The kinds of findings, the worst first. */
export const FINDING_KINDS = [
  'bytes',
  'altered',
  'identity',
  'revoked-key',
  'policy',
  'verdict',
  'lenient',
  'missing',
  'unreadable',
  'unexpected',
  'old',
  'superseded',
] as const

export type FindingKind = (typeof FINDING_KINDS)[number]

export type Finding =
  /** Machines have different bytes under one path. */
  | { readonly kind: 'bytes'; readonly path: string; readonly contents: readonly Contents[] }
  /** A machine's disk has not what its store registered. NAR hashes in hex. */
  | {
      readonly kind: 'altered'
      readonly machine: number
      readonly path: string
      readonly registered: string
      /** Undefined: it could not be read. */
      readonly found: string | undefined
    }
  /** Several machines claim one name, or one key. */
  | {
      readonly kind: 'identity'
      readonly what: 'name' | 'key'
      readonly value: string
      readonly machines: readonly number[]
    }
  /** A key that is revoked on some machines, and counts on others. */
  | {
      readonly kind: 'revoked-key'
      readonly key: KeyIdentity
      readonly label: string
      readonly revoked: readonly number[]
      readonly counting: readonly number[]
    }
  /** The policies in force, that of most machines first; only if there is more than one. */
  | { readonly kind: 'policy'; readonly policies: readonly PolicyInForce[] }
  /** Paths that these machines trust and those refuse. */
  | {
      readonly kind: 'verdict'
      readonly trusted: readonly number[]
      readonly refused: readonly number[]
      /** How many paths; not all of very many are named. */
      readonly count: number
      readonly paths: readonly SplitPath[]
    }
  /** It refuses nothing: the mode of its policy, or a respite. */
  | { readonly kind: 'lenient'; readonly machine: number; readonly why: 'warn' | 'respite' }
  /** Expected, and there is no audit of it. */
  | { readonly kind: 'missing'; readonly name: string }
  /** A file that is no audit. `why`: escaped. */
  | { readonly kind: 'unreadable'; readonly file: string; readonly why: string }
  /** Not among those that are expected. */
  | { readonly kind: 'unexpected'; readonly machine: number }
  /** Of long ago, or of a time that is still to come. Seconds; negative: to come. */
  | { readonly kind: 'old'; readonly machine: number; readonly age: number }
  /** Another audit of the same name and key, which was left out: an older one, or one of a time to come. */
  | {
      readonly kind: 'superseded'
      readonly file: string
      readonly why: 'older' | 'to-come'
      readonly machine: number
    }

/** One of several contents of a path. */
export interface Contents {
  /** SHA-256, hex. */
  readonly narHash: string
  readonly machines: readonly number[]
  /** Those that built it themselves. */
  readonly builtOn: readonly number[]
}

export interface PolicyInForce {
  readonly digest: string
  readonly mode: Policy['mode']
  readonly machines: readonly number[]
}

/** A path that some machines trust and others refuse. */
export interface SplitPath {
  readonly path: string
  readonly outcome: Exclude<AuditedPath['outcome'], 'trusted'>
  readonly status: ExitCode
  /** Of the first machine that refuses it; in one line, escaped there. */
  readonly message: string | undefined
}

export interface FleetKey {
  readonly identity: KeyIdentity
  readonly label: string
  readonly principal: string | undefined
  /** Where something would fall without it, and how much. */
  readonly falls: readonly { readonly machine: number; readonly paths: number }[]
  /** Of all machines together; a path that falls on two counts twice. */
  readonly paths: number
}

export interface FleetEnding {
  readonly kind: Ending['kind']
  readonly what: string
  /** What the policies call a key; undefined of whatever else ends. */
  readonly label: string | undefined
  readonly who: string | undefined
  /** The earliest. */
  readonly at: Instant
  /** Where it ends, and how much then falls there. */
  readonly falls: readonly { readonly machine: number; readonly paths: number }[]
}
