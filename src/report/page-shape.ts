/**
 * What the page of an audit reads: the audit, prepared for looking at. It is written by
 * page-data.ts and imports nothing, as both Node and the browser read it. All strings are escaped
 * (printable()); times are whole seconds since 1970; numbers that stand for something are places in
 * these lists, from 0. What is not known is left out.
 */

/**
 * How a path stands. `exempt`: trusted by an exemption alone; `unasked`: trusted because nothing is
 * required of it.
 */
export type Standing = 'refused' | 'undecided' | 'exempt' | 'unasked' | 'trusted'

export interface PageData {
  readonly time: number
  /** `nixsig 1.2.3, policy /etc/nixsig/policy.toml`, for the foot of the page. */
  readonly made: string
  readonly paths: readonly PagePath[]
  readonly expressions: readonly PageExpression[]
  readonly keys: readonly PageKey[]
  readonly principals: readonly PagePrincipal[]
  readonly groups: readonly PageGroup[]
  readonly shares: readonly PageShare[]
  readonly exemptions: readonly PageExemption[]
  readonly ends: readonly PageEnding[]
  readonly disk: PageDisk
}

export interface PagePath {
  readonly path: string
  /** The part after the hash. */
  readonly name: string
  readonly kind: string
  /** Whether it is of the closure that was asked for, and not only what that was made of. */
  readonly isAsked: boolean
  /** NAR hash, hex. */
  readonly hash?: string
  /** Bytes. */
  readonly size: number
  readonly references: readonly number[]
  /** Of all that it needs, the length of the longest chain; 0 if it needs nothing. */
  readonly layer: number
  /** What needs it, one step nearer to a root; a root has none. */
  readonly via?: number
  readonly derivation?: number
  readonly inputs?: readonly number[]
  readonly standing: Standing
  /** The rule, or the ground, by which it was decided. */
  readonly rule: string
  readonly exemption?: number
  readonly group?: number
  readonly because?: string
  readonly message?: string
  readonly claims?: readonly PageClaim[]
  readonly isBuiltHere?: true
  readonly isLetIn?: true
  readonly until?: number
  readonly registered?: number
}

export interface PageClaim {
  readonly key: number
  readonly role: string
  readonly graph?: string
  readonly origin: string
}

export interface PageExpression {
  readonly url: string
  readonly revision: string
  readonly signers: readonly string[]
  /** Those of them who signed in these roles, as far as that is known. */
  readonly committers: readonly string[]
  readonly reviewers: readonly string[]
  readonly claims: readonly PageClaim[]
  readonly covers: readonly number[]
}

export interface PageKey {
  readonly identity: string
  readonly label: string
  readonly principal?: number
  readonly until?: number
  readonly isRevoked?: true
  readonly falls: readonly number[]
}

export interface PagePrincipal {
  readonly name: string
  readonly list?: string
  readonly roles: readonly string[]
  readonly keys: readonly number[]
  readonly falls: readonly number[]
}

export interface PageGroup {
  readonly code: string
  readonly title: string
  readonly next: string
  readonly paths: readonly number[]
}

export interface PageShare {
  readonly kind: string
  readonly role: string
  readonly signed: number
  readonly total: number
}

export interface PageExemption {
  readonly line: number
  readonly reason: string
  readonly author?: string
  readonly until: number
  readonly paths: readonly number[]
}

export interface PageEnding {
  /** `key bo-1 of bo` */
  readonly name: string
  readonly at: number
  readonly falls: readonly number[]
}

export interface PageDisk {
  readonly wasRead: boolean
  readonly unregistered: readonly { readonly name: string; readonly size?: number }[]
  readonly differing: readonly {
    readonly path: number
    readonly registered: string
    readonly found: string
  }[]
  readonly missing: readonly number[]
  readonly isCut: boolean
}
