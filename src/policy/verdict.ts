/**
 * The questions to the policy and its answers, as data. src/policy/judge.ts makes verdicts, and
 * only src/policy/wording.ts turns them into text. All strings here are raw and may come from an
 * attacker.
 */
import type { LogStanding, NotLogged } from './log-quorums.ts'
import type { Aspect, Instant, KeyIdentity, Role, SubjectKind } from './policy.ts'

/**
 * The store path to judge, and what is known about it without trusting anybody. For an expression,
 * it is a commit: `path` is its id, `name` the canonical URL of its repository, and `narHash` the
 * one of its tree.
 */
export interface Subject {
  readonly path: string
  /** The name part of the store path, without `.drv`. */
  readonly name: string
  readonly kind: SubjectKind
  /** SHA-256 NAR hash, lower-case hex, as measured or as registered in the store. */
  readonly narHash: string
  /** Whether this machine built it with its own hooks; if so, `self` is one of its builders. */
  readonly builtHere: boolean
  /**
   * Of a fetched source: the addresses that its derivations state, as far as somebody vouches for
   * those, each once.
   */
  readonly urls?: readonly string[]
  /**
   * Whether root approved the build graph that it belongs to, after this machine verified and
   * evaluated the expressions (`approve --here`).
   */
  readonly approvedHere?: boolean
  /**
   * Its derivation, if that is known here and was judged as well. Without one, it is unknown what
   * an output from elsewhere was built from.
   */
  readonly derivation?: string
}

/** What one key says about one path. Its signature is verified with a key of the trusted list. */
export interface Claim {
  readonly key: KeyIdentity
  readonly role: Role
  readonly path: string
  /**
   * The NAR hash in the claim. If it differs from the subject's, a builder's claim is a conflict.
   */
  readonly narHash: string
  /**
   * The signed references, if any: full store paths, sorted, including the path itself if it refers
   * to itself.
   */
  readonly references?: readonly string[]
  /** The path is a derivation, and the claim covers its whole build graph. */
  readonly coversGraph?: true
  /**
   * The derivation whose build graph was signed, if the claim covers this path through that graph.
   */
  readonly graph?: string
  /**
   * Its key has expired, as its own certificate says, after this was signed, as the signer claims.
   */
  readonly expired?: { readonly signedAt: Instant; readonly at: Instant }
  /**
   * The first instant at which its key's certificate makes it no longer count; absent if there is
   * none.
   */
  readonly until?: Instant
  /**
   * How it was signed, for later policies, see src/crypto/trace.ts. A claim without it is not
   * remembered.
   */
  readonly trace?: string
  /** Of an attestation with proofs of a log: how far they go, for each of `[quorums]`. */
  readonly logging?: readonly LogStanding[]
  /** For a remembered claim: when this machine verified the signature. */
  readonly seen?: Instant
  /** Where it was read: a file and line, `the store's database` … */
  readonly origin: string
}

/**
 * Something that was found but is not evidence. It is reported to the user and can never make
 * anything trusted.
 */
export interface Stray {
  readonly problem:
    | 'unknown-signer' // well-formed, but no key of the trusted list made it
    | 'bad-signature' // names a key of the trusted list, and does not verify with it
    | 'expired-signature' // the key or the signature itself is past its date, as the signing tool sees it
    | 'revoked-key' // the key revoked itself, as the signing tool sees it
    | 'other-subject' // by a trusted key, about another path
    | 'unreadable' // where a derivation says that one is, and nothing needs it
    | 'no-answer' // a binary cache that should have answered; others did
    | 'unread-answer' // a binary cache whose answer cannot be read; others can
    | 'other-word' // a binary cache that says something else, which no listed key signed
    | 'unused' // by a trusted key, of a kind that no requirement asks for
    | 'other-contents' // a derivation that fetches the path and declares a hash that its contents are not known to have
  readonly origin: string
  /** Who or what: a key id, a fingerprint, a path. */
  readonly detail: string
}

/**
 * A source of evidence that did not answer, or whose answer cannot be read. Hidden evidence can
 * hide a conflict.
 */
export interface Trouble {
  readonly origin: string
  readonly detail: string
}

/** Says of a path that the store does not have it, and that nothing is recorded of it. */
export const NOT_THERE: Trouble = {
  origin: 'the store',
  detail: 'it is not there, and the ledger has never seen it',
}

/** What was found about a store path. */
export interface Evidence {
  readonly claims: readonly Claim[]
  readonly strays: readonly Stray[]
  readonly troubles: readonly Trouble[]
}

/** One reason against a path. The codes are stable; each has one wording and one test. */
export type Finding =
  /** `isDiscounted`: there are signatures, and other findings say why they do not count. */
  | { readonly code: 'unsigned'; readonly need: Need; readonly isDiscounted?: true }
  | { readonly code: 'unknown-signer'; readonly need: Need; readonly strays: readonly Stray[] }
  | { readonly code: 'threshold'; readonly need: Need; readonly found: readonly string[] }
  | { readonly code: 'bad-signature'; readonly stray: Stray }
  /** A derivation claims that the path is a signature, but it is not. `detail` is escaped. */
  | { readonly code: 'not-a-signature'; readonly detail: string }
  | {
      readonly code: 'wrong-digest'
      readonly who: string
      readonly attested: string
      readonly origin: string
    }
  | {
      readonly code: 'conflict'
      readonly who: string
      readonly attested: string
      readonly origin: string
      /** The NAR hash that was judged, which differs from the builder's. */
      readonly judged: string
    }
  /** The contents on disk are not what the store registered. NAR hashes in hex. */
  | { readonly code: 'altered'; readonly path: string; readonly registered: string; readonly found: string }
  /** Before anything of the path is here: the caches that offer it do not agree about it. */
  | { readonly code: 'disagreement'; readonly sides: readonly Side[] }
  /**
   * A binary cache states wrong references for the path: some are `added`, some `missing`, compared
   * with a builder's claim or else with the contents.
   */
  | {
      readonly code: 'references'
      /** The address of the cache. */
      readonly upstream: string
      readonly added: readonly string[]
      readonly missing: readonly string[]
      readonly by?: { readonly who: string; readonly origin: string }
    }
  /**
   * No claim that counts states the references, and the contents do not show them. `detail` is
   * escaped.
   */
  | { readonly code: 'unvouched-references'; readonly detail: string }
  | { readonly code: 'revoked'; readonly who: string; readonly since?: Instant; readonly reason?: string }
  | {
      readonly code: 'expired'
      readonly who: string
      readonly at?: Instant
      /**
       * When it was signed, as the signer claims: before the key expired, which the rule does not
       * accept.
       */
      readonly signedAt?: Instant
    }
  | { readonly code: 'not-yet-valid'; readonly who: string; readonly at: Instant }
  | NotLogged
  /**
   * Nobody names a developer of this source. `lists`: those that were asked. `silent`: those that
   * the policy lets say nothing about developers (`role`), or about sources of this name (`name`).
   */
  | {
      readonly code: 'no-developer'
      readonly need: Need
      readonly name: string
      readonly urls: readonly string[]
      readonly lists: readonly string[]
      readonly silent: readonly { readonly list: string; readonly lacks: 'role' | 'name' }[]
    }
  /**
   * A list that might have met the demand ended at `since` and, with its grace, at `until`. `seen`:
   * when it was last known to be the newest, `age` seconds before the judgement.
   */
  | {
      readonly code: 'ended-list'
      readonly list: string
      readonly since: Instant
      readonly until: Instant
      readonly seen: Instant
      readonly age: number
    }
  /** A list that might have met the demand has no state here that can be read; `detail` is raw. */
  | { readonly code: 'missing-list'; readonly list: string; readonly detail: string }
  | { readonly code: 'refused-by-rule' }
  /** No rule of `[[inputs]]` matches the canonical URL of the repository. */
  | { readonly code: 'no-input-rule'; readonly url: string }
  /** `unvouched`: the refusals of the derivations here that have it as an output. */
  | { readonly code: 'unknown-derivation'; readonly unvouched: readonly Refusal[] }
  | { readonly code: 'unsupported-derivation'; readonly what: string }
  | { readonly code: 'input'; readonly path: string; readonly verdict: Refusal }
  | { readonly code: 'unreadable'; readonly trouble: Trouble }

/** What one binary cache, or this machine's store, says about a path. */
export interface Side {
  /** Its address, or `the store of this machine`. */
  readonly who: string
  readonly path: string
  readonly narHash: string
  /** Bytes. */
  readonly narSize: number
}

/** What was required: this many of these people, in this role. `who` is a principal or a group. */
export interface Need {
  readonly aspect: Aspect
  readonly who: string
  readonly role?: Role
  readonly threshold: number
  readonly of: number
  /** Whom entries name, if `who` is `its-developers`: principals and groups. */
  readonly by?: readonly string[]
}

/** What made a path trusted. */
export type Basis =
  | { readonly kind: 'claims'; readonly claims: readonly Claim[]; readonly principals: readonly string[] }
  | { readonly kind: 'exemption'; readonly reason: string; readonly line: number }
  | { readonly kind: 'no-requirement' }

/** The path is trusted. */
export interface Trust {
  readonly outcome: 'trusted'
  readonly subject: Subject
  readonly rule: string
  readonly basis: Basis
  /** What else was found but is not evidence. */
  readonly strays: readonly Stray[]
  /**
   * The first instant at which this verdict may no longer hold: a key, its certificate, its list or
   * an exemption ends, a revocation begins, or a builder's key becomes valid whose claim is in
   * conflict.
   */
  readonly until?: Instant
}

/**
 * What a refusal is based on: a rule of the policy, by its title, or something that no rule can
 * outweigh.
 */
export type Ground =
  | { readonly kind: 'rule'; readonly title: string }
  | { readonly kind: Exclude<GroundKind, 'rule'> }

/** The kinds of grounds for a refusal. */
export type GroundKind =
  | 'rule'
  | 'inputs' // its derivation, or something that its build uses
  | 'making' // its derivation, or a source of that, as far as they are known of a path from elsewhere
  | 'references' // a path that it refers to
  | 'derivation' // a kind of derivation that cannot be judged
  | 'caches' // binary caches that disagree, or do not answer, or answer with what cannot be read
  | 'store' // the store does not have the path, or did not answer
  | 'policy' // the policy file
  | 'evidence' // a file of evidence, or a derivation, that cannot be read
  | 'time' // judging took longer than it may
  | 'log' // the decision log, which has to be written and cannot be
  | 'fault' // an error in the middle of judging

/**
 * `untrusted`: the evidence is complete and insufficient. `indeterminate`: it could not be decided.
 * Both refuse. The first finding is the most telling one.
 */
export interface Refusal {
  readonly outcome: 'untrusted' | 'indeterminate'
  readonly path: string
  readonly kind: SubjectKind
  readonly ground: Ground
  readonly findings: readonly [Finding, ...Finding[]]
  /** What else was found but is not evidence, if evidence was looked at. */
  readonly strays?: readonly Stray[]
}

/** The answer of the policy. */
export type Verdict = Trust | Refusal
