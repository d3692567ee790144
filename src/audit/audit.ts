/**
 * What an audit found, as data: what `nixsig audit` prints in words, as JSON
 * (docs/schemas/audit.schema.json) and as a page, and what reports are made of. Strings are raw and
 * may come from an attacker, unless they say otherwise. Numbers in lists of numbers are places in
 * the audit's own lists, from 0.
 */
import type { ExitCode } from '../policy/exit-code.ts'
import type { Instant, KeyIdentity, Policy, Role, SubjectKind } from '../policy/policy.ts'
import type { GroundKind } from '../policy/verdict.ts'
import type { GroupCode } from '../status/groups.ts'

export interface Audit {
  /** When it began. */
  readonly time: Instant
  readonly machine: { readonly name: string; readonly key: KeyIdentity | undefined }
  /** Of nixsig. */
  readonly version: string
  readonly policy: { readonly file: string; readonly digest: string; readonly mode: Policy['mode'] }
  readonly asked: {
    readonly kind: 'paths' | 'store' | 'system'
    readonly roots: readonly string[]
    /** Whether contents were read from the disk and hashed. */
    readonly contents: boolean
  }
  readonly respite: { readonly until: Instant; readonly reason: string } | undefined
  /** First the closure that was asked for, then what it was made of; each path once. */
  readonly paths: readonly AuditedPath[]
  readonly expressions: readonly AuditedExpression[]
  readonly keys: readonly AuditedKey[]
  readonly principals: readonly AuditedPrincipal[]
  /** What is refused, by what is missing, worst first. */
  readonly groups: readonly AuditGroup[]
  readonly shares: readonly Share[]
  /** The single key without which most of the closure would fall; undefined if none would. */
  readonly weakest: { readonly key: number; readonly falls: number } | undefined
  readonly exemptions: readonly AuditedExemption[]
  /** What ends within 30 days, the nearest first. */
  readonly ends: readonly Ending[]
  readonly disk: DiskFindings
  /** How many paths of the closure were not judged, for want of time. */
  readonly unjudged: number
}

/** A store path and its verdict. */
export interface AuditedPath {
  readonly path: string
  readonly kind: Exclude<SubjectKind, 'expression'>
  /** `closure`: what was asked for; `making`: a derivation or a source behind that. */
  readonly part: 'closure' | 'making'
  /** SHA-256, hex; undefined if the path is neither in the store nor in the ledger. */
  readonly narHash: string | undefined
  /** Bytes. */
  readonly narSize: number
  /** What it refers to, among `paths`, without itself. */
  readonly references: readonly number[]
  /** Its derivation, if that is known. */
  readonly derivation: number | undefined
  /** Of a derivation: the sources and outputs that it is built from, as far as they are listed. */
  readonly inputs: readonly number[]
  readonly outcome: 'trusted' | 'untrusted' | 'indeterminate'
  readonly status: ExitCode
  readonly ground: GroundKind
  /** Title of the rule that decided. */
  readonly rule: string | undefined
  /** What a trusted path rests on. */
  readonly basis: 'claims' | 'exemption' | 'no-requirement' | undefined
  /** Among `exemptions`. */
  readonly exemption: number | undefined
  /** Of a refused path: its group. */
  readonly group: number | undefined
  /** The path at fault, if it is another. */
  readonly because: string | undefined
  /** The refusal in one line, escaped. */
  readonly message: string | undefined
  /** The signatures that counted; of a refused path those that would. */
  readonly claims: readonly AuditedClaim[]
  readonly builtHere: boolean
  /** When the verdict may no longer hold. */
  readonly until: Instant | undefined
  /** Whether it was let in with a warning, as during a respite. */
  readonly letIn: boolean
  /** When the store registered it. */
  readonly registered: Instant | undefined
}

export interface AuditedClaim {
  /** Among `keys`. */
  readonly key: number
  readonly role: Role
  /** The derivation whose build graph was signed, if the claim comes through it. */
  readonly graph: string | undefined
  /** Where it was found. */
  readonly origin: string
}

/** A commit from which something here was evaluated. */
export interface AuditedExpression {
  /** Canonical URL of the repository, without secrets, as all URLs here: formats/without-secrets.ts. */
  readonly url: string
  /** Id of the commit. */
  readonly revision: string
  /** Whose signatures of the commit counted for the approvers, by their names in the approvers' policies. */
  readonly signers: readonly string[]
  /** Those of them whose signatures counted in these roles, as far as the approvals say so. */
  readonly committers: readonly string[]
  readonly reviewers: readonly string[]
  /** Who approved what it evaluates to. */
  readonly claims: readonly AuditedClaim[]
  /** The derivations and sources that it evaluates to, among `paths`. */
  readonly covers: readonly number[]
}

export interface AuditedKey {
  readonly identity: KeyIdentity
  /** As the policy writes it, shortened. */
  readonly label: string
  /** Among `principals`; undefined for a key that the policy does not list any more. */
  readonly principal: number | undefined
  readonly until: Instant | undefined
  readonly isRevoked: boolean
  /** The paths of the closure that would fall without this key. */
  readonly falls: readonly number[]
}

export interface AuditedPrincipal {
  /** As in the policy; with the prefix of its list, if it is a list's. */
  readonly name: string
  readonly list: string | undefined
  /** Roles in which something counted. */
  readonly roles: readonly Role[]
  readonly keys: readonly number[]
  /** The paths of the closure that would fall without this principal. */
  readonly falls: readonly number[]
}

export interface AuditGroup {
  readonly code: GroupCode
  /** Escaped. */
  readonly title: string
  /** What to do. */
  readonly next: string
  readonly paths: readonly number[]
}

/** How many of one kind have a claim that counts in one role. */
export interface Share {
  readonly kind: SubjectKind
  readonly role: Role
  readonly signed: number
  readonly total: number
}

export interface AuditedExemption {
  /** Line of the policy, from 1. */
  readonly line: number
  readonly reason: string
  readonly author: string | undefined
  readonly until: Instant
  /** What passes by it alone. */
  readonly paths: readonly number[]
}

export interface Ending {
  readonly kind: 'key' | 'list' | 'exemption' | 'respite'
  /** A key's identity, a list's name, `line 12`. */
  readonly what: string
  /** The principal whose key it is. */
  readonly who: string | undefined
  readonly at: Instant
  /** The paths of the closure that then fall, as far as is known. */
  readonly falls: readonly number[]
}

export interface DiskFindings {
  /** In the store's directory and not in its database. */
  readonly unregistered: readonly { readonly name: string; readonly size: number | undefined }[]
  /** Contents that are not what the store registered. NAR hashes in hex. */
  readonly differing: readonly {
    readonly path: number
    readonly registered: string
    /** Undefined: it could not be read, as with a pipe in it. */
    readonly found: string | undefined
  }[]
  /** Registered, and not on the disk. */
  readonly missing: readonly number[]
  /** Whether there is more than this lists. */
  readonly isCut: boolean
}
