/**
 * The trusted list as values: what src/policy/language/ reads from policy.toml and
 * src/policy/judge.ts decides by. Nothing here does I/O.
 */
import type { OwnKeyForm } from '../formats/detached/forms.ts'
import type { GateSettings, HttpSettings } from './gate-settings.ts'

/** Whole seconds since 1970-01-01T00:00Z. */
export type Instant = number

/**
 * Identifies a key by the key itself, never by a name; without spaces. The same key has one
 * identity in whatever form it is written:
 *
 *     ed25519:<64 hex digits of the 32 raw bytes>             also for security keys
 *     ecdsa-<curve>:<hex of the uncompressed point>           also for security keys
 *     rsa:<SHA-256, hex, of public exponent and modulus in SSH's form>
 *     openpgp:<fingerprint of the primary key, upper-case hex, 40 (v4) or 64 (v6) digits>
 *     sigstore:<SHA-256, hex, of issuer, a newline, and subject>
 *
 * The holders of keys in OpenPGP certificates are determined in
 * src/policy/language/openpgp-keys.ts.
 */
export type KeyIdentity = string

interface KeyBase {
  readonly identity: KeyIdentity
  /** The key as the policy writes it, shortened for messages, not escaped. */
  readonly label: string
  readonly validFrom?: Instant
  /** From this instant on, the key does not count. */
  readonly validUntil?: Instant
  /** What certificates by this key may say of other keys; undefined: nothing. See certified.ts. */
  readonly certifies?: CertifyingPower
  /** Whether a certificate by this key may name its successor. */
  readonly rotates?: true
  /** Only for a key that is not listed but certified by one that is: within which limits. */
  readonly grants?: readonly Grant[]
  /** The keys that certified it, the listed one first. A revocation of any of them is one of it. */
  readonly certifiedBy?: readonly KeyIdentity[]
}

/** For which roles a listed key may certify others, and for how long each time. */
export interface CertifyingPower {
  readonly roles: readonly Role[]
  /** The most seconds between the two dates of a certificate. */
  readonly forAtMost: number
}

/** What one certificate lets its key sign, cut down to what the key that certified it may. */
export interface Grant {
  /** Undefined: all roles. */
  readonly roles?: readonly Role[]
  /** Globs for the names of what is judged; empty: any. */
  readonly names: readonly string[]
  readonly from: Instant
  readonly until: Instant
  readonly by: readonly KeyIdentity[]
}

/**
 * The form of a key decides what it may sign: minisign and signify keys sign files; SSH keys sign
 * files and envelopes; PEM keys sign envelopes and Sigstore bundles; keys in Nix's form sign
 * envelopes and store paths.
 */
export type Ed25519Form = 'nix' | 'ssh' | 'pem' | OwnKeyForm

/** The namespace that stands for Sigstore bundles in an SSH key's list. SSH has none for them. */
export const BUNDLE_NAMESPACE = 'sigstore-bundle'

/** What only keys in OpenSSH's form have. */
interface SshKeyBase extends KeyBase {
  /** Only for a security key (`sk-`): the application that its signatures are bound to. */
  readonly application?: string
  /** The exact namespaces for its signatures; undefined: the default of each use (`file` …). */
  readonly namespaces?: readonly string[]
}

export interface Ed25519Key extends SshKeyBase {
  readonly kind: 'ed25519'
  readonly form: Ed25519Form
  /** 32 raw bytes. */
  readonly publicKey: Uint8Array
  /** Only for `minisign` and `signify`: the 8-byte key number that its signatures must have. */
  readonly keyNumber?: Uint8Array
  /** Only for form `nix`: the name before the colon. Only a hint. */
  readonly name?: string
}

export type Curve = 'nistp256' | 'nistp384' | 'nistp521'

export interface EcdsaKey extends SshKeyBase {
  readonly kind: 'ecdsa'
  readonly form: 'ssh' | 'pem'
  readonly curve: Curve
  /** The uncompressed point: 0x04 and both coordinates. */
  readonly publicKey: Uint8Array
}

export interface RsaKey extends SshKeyBase {
  readonly kind: 'rsa'
  readonly form: 'ssh' | 'pem'
  /** Big-endian, without leading zeros; at least 2048 bits. */
  readonly modulus: Uint8Array
  /** Big-endian, without leading zeros. */
  readonly exponent: Uint8Array
}

/** An identity, not a key: whoever an identity provider calls by this name (Sigstore). */
export interface SigstoreKey extends KeyBase {
  readonly kind: 'sigstore'
  /** The exact subject alternative name of the certificate: an e-mail address or a URI. */
  readonly subject: string
  /** The exact OpenID Connect issuer. */
  readonly issuer: string
  /** Absolute path of Sigstore's trusted root (JSON), part of the policy's digest. */
  readonly trustedRoot: string
}

export interface OpenPgpKey extends KeyBase {
  readonly kind: 'openpgp'
  /** The fingerprint of the primary key, upper-case hex, without spaces. */
  readonly fingerprint: string
  /**
   * The absolute path of the certificate file, binary or not, which the policy's digest includes.
   */
  readonly certificate: string
}

export type Key = Ed25519Key | EcdsaKey | RsaKey | OpenPgpKey | SigstoreKey

export interface Principal {
  readonly name: string
  readonly keys: readonly Key[]
}

/**
 * This machine: always a principal, without a key in the policy; counts only for its own builds.
 */
export const SELF = 'self'

/**
 * A threshold of members, each a principal or another group. Every member that counts must be
 * represented by a different principal: one person never fills two seats, however many keys they
 * have or groups they are in.
 */
export interface Group {
  readonly name: string
  readonly members: readonly string[]
  readonly threshold: number
}

/**
 * What a signer did: with a path; a `committer` with a commit; an `approver` with the build graph
 * that came from signed expressions.
 */
export type Role = 'developer' | 'packager' | 'reviewer' | 'builder' | 'committer' | 'approver'

/** A principal or a group that must sign, in one role or, without `role`, in any. */
export interface Demand {
  readonly who: string
  readonly role?: Role
}

/**
 * What a path needs: `all` demands must be met, `nothing` is required (the policy says so
 * explicitly), or `refuse`, which cannot be met.
 */
export type Requirement =
  | { readonly kind: 'all'; readonly demands: readonly [Demand, ...Demand[]] }
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
  readonly target: { readonly key: KeyIdentity } | { readonly principal: string }
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
   * SHA-256, lower-case hex, of policy.toml and the certificate files that it names: see digest.ts.
   */
  readonly digest: string
  /** Absolute paths of the certificate files, each once, in the order of the digest. */
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
  readonly principals: ReadonlyMap<string, Principal>
  readonly groups: ReadonlyMap<string, Group>
  readonly rules: readonly Rule[]
  readonly fallback: Rule
  readonly inputs: readonly InputRule[]
  readonly revocations: readonly Revocation[]
  readonly exemptions: readonly Exemption[]
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

/** What the store plugin admits without a judgement. */
export interface StoreSettings {
  /**
   * `data`: sources that evaluation copies in, and fetched files, may become valid; they are judged
   * when something is built from them. `attested`: they have to meet `require.source` first.
   */
  readonly sources: 'data' | 'attested'
}
