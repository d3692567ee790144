/**
 * What the policy is asked and what it answers, as data. src/policy/judge.ts makes verdicts, src/policy/wording.ts is
 * the one place that turns them into text; all strings in here are raw and may come from an attacker.
 */
import type { Aspect, Instant, KeyIdentity, Role, SubjectKind } from './policy.ts'

/** The store path that is judged and what is known about it without trusting anybody. */
export interface Subject {
  readonly path: string
  /** The name part of the store path, `.drv` cut off. */
  readonly name: string
  readonly kind: SubjectKind
  /** SHA-256 of the NAR, lower-case hex; as measured or as the store registered it. */
  readonly narHash: string
  /** Whether this machine made it under its own hooks; if so, `self` is one of its builders. */
  readonly builtHere: boolean
  /**
   * The derivation that makes it, where that is known here and was judged as well. Of an output from elsewhere without
   * one nothing is known of what it was built from.
   */
  readonly derivation?: string
}

/** What one key says of one path; its signature verified against a key of the trusted list. */
export interface Claim {
  readonly key: KeyIdentity
  readonly role: Role
  readonly path: string
  /** The NAR hash that the claim names. Another hash than the subject's makes a builder's claim a conflict. */
  readonly narHash: string
  /** What the path refers to, where that was signed as well: full store paths, sorted, itself among them if it does. */
  readonly references?: readonly string[]
  /** The path is a derivation and the claim is about its whole build graph as well. */
  readonly coversGraph?: true
  /** The derivation whose whole build graph was signed, where the claim reached this path in that way. */
  readonly graph?: string
  /** The key that made it has ended by its own certificate's word, after this was signed by the signer's own word. */
  readonly expired?: { readonly signedAt: Instant; readonly at: Instant }
  /** The first instant at which it counts no more by the certificate of its key; missing: it has no such end. */
  readonly until?: Instant
  /** How it was signed, for later policies: see src/crypto/recall.ts. A claim without it is not remembered. */
  readonly trace?: string
  /** When this machine verified the signature, for a claim that it remembers. */
  readonly seen?: Instant
  /** Where it was read: a file and line, `the store's database` … */
  readonly origin: string
}

/** Something that was found and is no evidence. Told to the user; can never make anything trusted. */
export interface Stray {
  readonly problem:
    | 'unknown-signer' // well-formed, but no key of the trusted list made it
    | 'bad-signature' // names a key of the trusted list, and does not verify with it
    | 'expired-signature' // the key or the signature itself is past its date, as the signing tool sees it
    | 'revoked-key' // the key revoked itself, as the signing tool sees it
    | 'other-subject' // by a trusted key, about another path
    | 'unreadable' // where a derivation says that one is, and nothing needs it
    | 'no-answer' // a binary cache that should have answered; others did
    | 'unused' // by a trusted key, of a kind that no requirement asks for
  readonly origin: string
  /** Who or what: a key id, a fingerprint, a path. */
  readonly detail: string
}

/**
 * A place that should have answered and did not, or holds what cannot be read: whoever hides evidence hides
 * conflicts.
 */
export interface Trouble {
  readonly origin: string
  readonly detail: string
}

export interface Evidence {
  readonly claims: readonly Claim[]
  readonly strays: readonly Stray[]
  readonly troubles: readonly Trouble[]
}

/** One reason against a path. The codes are stable; each has one wording and one test. */
export type Finding =
  | { readonly code: 'unsigned'; readonly need: Need }
  | { readonly code: 'unknown-signer'; readonly need: Need; readonly strays: readonly Stray[] }
  | { readonly code: 'threshold'; readonly need: Need; readonly found: readonly string[] }
  | { readonly code: 'bad-signature'; readonly stray: Stray }
  /** A derivation says that the path is one. `detail` is escaped. */
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
      /** The NAR hash that was judged, and that the builder's differs from. */
      readonly judged: string
    }
  /** What lies on the disk is not what the store registered: NAR hashes, hex. */
  | { readonly code: 'altered'; readonly path: string; readonly registered: string; readonly found: string }
  /** Before anything of the path is here: whoever has it does not say the same of it. */
  | { readonly code: 'disagreement'; readonly sides: readonly Side[] }
  /**
   * A binary cache says that the path refers to other paths than it does: some are `added`, some `missing`. By the
   * word of a builder, or else by the contents.
   */
  | {
      readonly code: 'references'
      /** The cache's address. */
      readonly upstream: string
      readonly added: readonly string[]
      readonly missing: readonly string[]
      readonly by?: { readonly who: string; readonly origin: string }
    }
  /** Nobody who counts said what the path refers to, and its contents do not tell. `detail` is escaped. */
  | { readonly code: 'unvouched-references'; readonly detail: string }
  | { readonly code: 'revoked'; readonly who: string; readonly since?: Instant; readonly reason?: string }
  | {
      readonly code: 'expired'
      readonly who: string
      readonly at?: Instant
      /** By its own word it was signed before the end, which the rule does not accept. */
      readonly signedAt?: Instant
    }
  | { readonly code: 'not-yet-valid'; readonly who: string; readonly at: Instant }
  | { readonly code: 'refused-by-rule' }
  /** `unvouched`: what was found against each derivation that is here and makes it, and that nobody stands for. */
  | { readonly code: 'unknown-derivation'; readonly unvouched: readonly Refusal[] }
  | { readonly code: 'unsupported-derivation'; readonly what: string }
  | { readonly code: 'input'; readonly path: string; readonly verdict: Refusal }
  | { readonly code: 'unreadable'; readonly trouble: Trouble }

/** What one binary cache says of a path, or this machine's store. */
export interface Side {
  /** Its address, or `the store of this machine`. */
  readonly who: string
  readonly path: string
  readonly narHash: string
  /** Bytes. */
  readonly narSize: number
}

/** What was asked for: so many of these, in this role. `who` is a principal's or a group's name. */
export interface Need {
  readonly aspect: Aspect
  readonly who: string
  readonly role?: Role
  readonly threshold: number
  readonly of: number
}

/** What made a path trusted. */
export type Basis =
  | { readonly kind: 'claims'; readonly claims: readonly Claim[]; readonly principals: readonly string[] }
  | { readonly kind: 'exemption'; readonly reason: string; readonly line: number }
  | { readonly kind: 'no-requirement' }

export interface Trust {
  readonly outcome: 'trusted'
  readonly subject: Subject
  readonly rule: string
  readonly basis: Basis
  /** What was found besides and is no evidence. */
  readonly strays: readonly Stray[]
  /**
   * The first instant at which this verdict may no longer hold: a key, its certificate or an exemption that ends, a
   * revocation that begins, a builder's key that becomes valid and whose claim contradicts.
   */
  readonly until?: Instant
}

/** What a refusal rests on: a rule of the policy, by its title, or something that no rule can outweigh. */
export type Ground =
  | { readonly kind: 'rule'; readonly title: string }
  | { readonly kind: Exclude<GroundKind, 'rule'> }

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
  | 'fault' // an error in the middle of judging

/**
 * `untrusted`: the evidence is there and does not suffice. `indeterminate`: it could not be decided. Both refuse; only
 * the first is remembered. The first finding is the most telling one.
 */
export interface Refusal {
  readonly outcome: 'untrusted' | 'indeterminate'
  readonly path: string
  readonly kind: SubjectKind
  readonly ground: Ground
  readonly findings: readonly [Finding, ...Finding[]]
  /** What was found besides and is no evidence, where evidence was looked at. */
  readonly strays?: readonly Stray[]
}

export type Verdict = Trust | Refusal
