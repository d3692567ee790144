/**
 * The trusted list as values: what src/policy/language/ reads from policy.toml and
 * src/policy/judge.ts decides by. Nothing here does I/O.
 */
import type { GateSettings, HttpSettings } from './gate-settings.ts'
import type { DevelopersEntry, ListInForce } from './lists/book.ts'
import type { LogQuorum } from './log-quorums.ts'
import type { Group, Instant, KeyIdentity, Principal, Role } from './people.ts'

export type * from './people.ts'
export { BUNDLE_NAMESPACE, ITS_DEVELOPERS, SELF } from './people.ts'

/** A principal or a group that must sign, in one role or, without `role`, in any. */
export interface Demand {
  readonly who: string
  readonly role?: Role
}

/**
 * What a path needs: `all` demands must be met, `nothing` is required (the policy says so
 * explicitly), or `refuse`, which cannot be met. `logged` names a quorum: only claims that are proven
 * to be logged count.
 */
export type Requirement =
  | { readonly kind: 'all'; readonly demands: readonly [Demand, ...Demand[]]; readonly logged?: string }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'refuse' }

/** The kind of a store path. Fetched and local sources need `require.source`. */
export type StorePathKind = 'fetched-source' | 'local-source' | 'derivation' | 'output'

/** What is judged: a store path, or a commit with its tree (`expression`). */
export type SubjectKind = StorePathKind | 'expression'

/** Which of a rule's three requirements applies to a store path. */
export type StorePathAspect = 'source' | 'derivation' | 'output'

/** Which requirement applies to a subject. That of an expression is the one of `[[inputs]]`. */
export type Aspect = StorePathAspect | 'expression'

export const ASPECT: Readonly<Record<SubjectKind, Aspect>> &
  Readonly<Record<StorePathKind, StorePathAspect>> = {
  'fetched-source': 'source',
  'local-source': 'source',
  derivation: 'derivation',
  output: 'output',
  expression: 'expression',
}

/** The roles whose claims can meet a requirement, by aspect. */
export const ROLES: Readonly<Record<Aspect, readonly Role[]>> = {
  source: ['developer', 'packager', 'reviewer', 'approver'],
  derivation: ['packager', 'reviewer', 'approver'],
  output: ['builder'],
  expression: ['committer', 'reviewer'],
}

/**
 * One rule. The first that matches a name and kind and states its aspect decides, or the default.
 */
export interface Rule {
  /** For messages: the rule's `name`, or `rule 3` by position, or `default`. */
  readonly title: string
  /** Line of policy.toml, from 1. */
  readonly line: number
  /**
   * A glob for the name part of the store path, without `.drv`: `*` is any run of characters, `?`
   * one character, all others stand for themselves.
   */
  readonly name: string
  readonly kinds: readonly SubjectKind[]
  readonly require: Readonly<Partial<Record<Aspect, Requirement>>>
  /** Whether a packager's signature on a build graph covers its sources and derivations. */
  readonly acceptGraph: boolean
  /** Whether builders alone suffice for an output from elsewhere with an unknown derivation. */
  readonly acceptUnknownDerivation: boolean
  /** Whether a key that has expired may vouch for a source that it signed before it expired. */
  readonly acceptExpiredKey: ExpiredKeyAcceptance
}

/**
 * Who must have signed the commits of some repositories, and so the expressions in them. The first
 * that matches decides; without one the input is refused.
 */
export interface InputRule {
  /** For messages: the rule's `name`, or `input rule 3` by position. */
  readonly title: string
  /** Line of policy.toml, from 1. */
  readonly line: number
  /** A glob for the canonical URL of a repository, see src/formats/locks/input-url.ts. */
  readonly url: string
  readonly require: Requirement
  /** Whether an input may stand in a lock without a revision and a NAR hash. */
  readonly acceptUnlocked: boolean
}

export type ExpiredKeyAcceptance = 'refuse' | 'if-signed-before'

/**
 * From an instant on, a key or all keys of a principal do not count, whatever they signed before.
 */
export interface Revocation {
  readonly line: number
  /** `of`: only where this principal has the key, as a list says of its own. */
  readonly target: { readonly key: KeyIdentity; readonly of?: string } | { readonly principal: string }
  readonly from: Instant
  readonly reason?: string
}

/** A path that passes without signatures, for a stated reason and until a stated end. */
export interface Exemption {
  readonly line: number
  readonly match:
    | { readonly path: string }
    | { readonly name: string; readonly kinds: readonly SubjectKind[] }
  readonly reason: string
  /** Who made the exemption, as they say. For people: nothing is decided by it. */
  readonly author?: string
  readonly until: Instant
}

/** The whole policy. */
export interface Policy {
  /**
   * SHA-256, lower-case hex, of policy.toml, the certificate files and policies of logs that it
   * names, and what its lists say: see digest.ts.
   */
  readonly digest: string
  /** Absolute paths of the files that it names, each once, in the order of the digest. */
  readonly certificates: readonly string[]
  readonly mode: 'enforce' | 'warn'
  /** Absolute directories with attestations, in order. */
  readonly attestations: readonly string[]
  /** Publications of attestations elsewhere, in order. */
  readonly sources: readonly AttestationSource[]
  readonly nix: NixSettings
  readonly gate: GateSettings
  readonly http: HttpSettings
  readonly store: StoreSettings
  readonly decisions: DecisionSettings
  readonly principals: ReadonlyMap<string, Principal>
  readonly groups: ReadonlyMap<string, Group>
  readonly rules: readonly Rule[]
  readonly fallback: Rule
  readonly inputs: readonly InputRule[]
  readonly revocations: readonly Revocation[]
  readonly exemptions: readonly Exemption[]
  /** What communities keep, by the prefix of its names, in order. */
  readonly lists: ReadonlyMap<string, ListInForce>
  /** Logs and witnesses whose word rules may ask for, by name. */
  readonly quorums: ReadonlyMap<string, LogQuorum>
  /** The user's own word on who signs which sources; their `by` may name what lists have. */
  readonly developers: readonly DevelopersEntry[]
  /** This machine's own keys: in a list they are nobody's. */
  readonly machineKeys?: readonly KeyIdentity[]
  /** Why certificates of keys do not count, with where each was found: see certified.ts. */
  readonly refusedCertificates?: readonly { readonly origin: string; readonly detail: string }[]
}

/** An HTTP(S) address at which somebody publishes attestations. */
export interface AttestationSource {
  /**
   * `http:` or `https:`, as the URL standard serialises it, without user, query, fragment and final
   * slash.
   */
  readonly url: string
  /** How many seconds its answer is reused; 0: it is asked every time. */
  readonly maxAge: number
  /** How it is reached. Undefined: directly, with the system's certificates. */
  readonly http?: HttpSettings
}

export interface NixSettings {
  /**
   * Whether a refusal before a build may be reported through the hook's output, which makes Nix
   * print it and fail, if the running version of Nix is known to do so. Otherwise, and always if
   * false, a refusal is an exit status.
   */
  readonly refusalLine: boolean
  /**
   * More versions, as `nix --version` prints them, on which that line was seen to refuse a build.
   */
  readonly refusalLineVersions: readonly string[]
  /**
   * Trusted users and groups (`@name`) of Nix whom root accepts, although they can do what root
   * can: no hole to the doctor, and no setting of `nixsig setup` takes it from them.
   */
  readonly acceptTrustedUsers: readonly string[]
}

/** The log of what was let in and refused: docs/decision-log.md. */
export interface DecisionSettings {
  /**
   * `kept`: a decision that cannot be written is answered all the same, with a warning. `required`:
   * it is refused.
   */
  readonly log: 'off' | 'kept' | 'required'
  /** The most bytes of the log; the oldest lines go. */
  readonly size: number
  /** Whether decisions are written to the journal as well. */
  readonly journal: boolean
  /** An absolute directory in which signed states of the log are kept as well. */
  readonly checkpointsTo?: string
}

/** What the store plugin admits without a judgement. */
export interface StoreSettings {
  /**
   * `data`: sources that evaluation copies in, and fetched files, may become valid; they are judged
   * when something is built from them. `attested`: they have to meet `require.source` first.
   */
  readonly sources: 'data' | 'attested'
}
