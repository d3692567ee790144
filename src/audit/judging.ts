/** What paths of an audit are judged by, and what is found about each. */
import type { Instant, KeyIdentity, Policy, StorePathKind } from '../policy/policy.ts'
import type { Basis, Refusal } from '../policy/verdict.ts'
import type { PathInfo } from '../store/store-client.ts'
import type { Inquiry } from '../verifier/inquiry.ts'
import type { Critical } from './critical.ts'
import type { KeyRegistry, ToldClaim } from './key-registry.ts'
import type { Later } from './later.ts'

/** What the store registered about a path, as far as an audit tells it. */
export type Registered = Pick<
  PathInfo,
  'path' | 'narHash' | 'narSize' | 'references' | 'registrationTime'
> & {
  readonly isContentAddressed: boolean
  /** Those that name a listed key: see namedSignatures (later.ts). */
  readonly signatures: string
}

/** What was found about one path. */
export interface Member extends Judged {
  readonly path: string
  /** What the store registered; undefined if it does not have the path. */
  readonly info: Registered | undefined
  readonly letIn: boolean
}

/** What may be kept of a path for the next audit. */
export interface Judged {
  readonly kind: StorePathKind
  /** The stamp of the path on the disk; undefined if nothing lies there. */
  readonly stamp: string | undefined
  /**
   * The version of its ledger entry if the verdict rests on that, the policy, and what was signed
   * since, alone, and is the same as long as these are.
   */
  readonly entry: string | undefined
  /** The NAR hash that the entry has. */
  readonly narHash: string | undefined
  readonly builtHere: boolean
  readonly derivation: string | undefined
  /** Of a derivation: what it is built from, if its entry says so. */
  readonly inputs: readonly string[] | undefined
  /** The signatures that the store had of it then, and the files of attestations (later.ts). */
  readonly signatures: string
  readonly files: string
  readonly standing: Standing
}

/** A verdict, with the signatures that counted. */
export type Standing = Trusted | { readonly outcome: 'refused'; readonly refusal: Refusal }

/** The verdict on a path that is trusted. */
export interface Trusted {
  readonly outcome: 'trusted'
  readonly rule: string
  /** Undefined where the ledger admits the path and the reason is not known any more. */
  readonly basis: Basis['kind'] | undefined
  /** Place of the exemption by which it passes among those of the policy: a line may have several. */
  readonly exemption: number | undefined
  readonly claims: readonly ToldClaim[]
  /** Without whom alone it would not pass. */
  readonly critical: Critical
  readonly until: Instant | undefined
}

/** What paths are judged by. */
export interface Judging {
  readonly inquiry: Inquiry
  readonly policy: Policy
  readonly digest: string
  readonly now: Instant
  readonly own: KeyIdentity | undefined
  readonly registry: KeyRegistry
  /** Store paths that were let in with a warning. */
  readonly letIn: ReadonlySet<string>
  /** Store paths about which builders were seen to disagree, perhaps since the ledger admitted them. */
  readonly disputed: ReadonlySet<string>
  /** What was signed since the ledger admitted a path. */
  readonly later: Later
  /** The end of the time, as of performance.now(). */
  readonly end: number
  /**
   * Verdicts by what they depend on, for paths that are alike (alikeTo); undefined if no two are.
   */
  readonly alike: Map<string, Trusted> | undefined
  /** Whether something is kept of a path, which may not hold any more. */
  isKept(path: string): boolean
  /** What an earlier audit found, if nothing changed of what it rested on. */
  kept(path: string, info: Registered | undefined): Judged | undefined
}
