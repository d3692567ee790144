/**
 * The trusted list as values: what src/policy/language/ reads from policy.toml and src/policy/judge.ts decides by.
 * Nothing here does input or output. Instants are whole seconds since 1970-01-01T00:00Z.
 */
import type { OwnKeyForm } from '../formats/detached/forms.ts'

export type Instant = number

/**
 * Who a key is, by the key itself and never by a name; without spaces. The same key has one identity, whatever form it
 * was written in:
 *
 *     ed25519:<64 hex digits of the 32 raw bytes>                              security keys included
 *     ecdsa-<curve>:<hex of the uncompressed point>                            likewise
 *     rsa:<SHA-256, hex, of public exponent and modulus as SSH writes them>
 *     openpgp:<fingerprint of the primary key, upper-case hex, 40 (v4) or 64 (v6) digits>
 *     sigstore:<SHA-256, hex, of issuer, a newline, and subject>
 *
 * Whose the keys within OpenPGP certificates are, src/policy/language/openpgp-keys.ts says.
 */
export type KeyIdentity = string

interface KeyBase {
  readonly identity: KeyIdentity
  /** The key as the policy writes it, shortened for messages; not yet escaped. */
  readonly label: string
  readonly validFrom?: Instant
  /** From this instant on the key counts for nothing. */
  readonly validUntil?: Instant
}

/**
 * Where a key was written decides what it may sign: minisign and signify keys sign files, SSH keys files and envelopes,
 * PEM keys envelopes and what Sigstore bundles hold, keys in Nix's form envelopes and store paths.
 */
export type Ed25519Form = 'nix' | 'ssh' | 'pem' | OwnKeyForm

/** What among an SSH key's namespaces stands for Sigstore's bundles, which have none of SSH's. */
export const BUNDLE_NAMESPACE = 'sigstore-bundle'

/** What only a key in OpenSSH's form has. */
interface SshKeyBase extends KeyBase {
  /** Only for a security key (`sk-`): the application that its signatures are bound to. */
  readonly application?: string
  /** Namespaces in which it may sign, each exactly; undefined: the usual one of each use (`file`, `git` …). */
  readonly namespaces?: readonly string[]
}

export interface Ed25519Key extends SshKeyBase {
  readonly kind: 'ed25519'
  readonly form: Ed25519Form
  /** 32 raw bytes. */
  readonly publicKey: Uint8Array
  /** Only for the forms `minisign` and `signify`: the 8-byte key number its signatures must carry. */
  readonly keyNumber?: Uint8Array
  /** Only for form `nix`: the name before the colon. A hint, nothing more. */
  readonly name?: string
}

export type Curve = 'nistp256' | 'nistp384' | 'nistp521'

export interface EcdsaKey extends SshKeyBase {
  readonly kind: 'ecdsa'
  readonly form: 'ssh' | 'pem'
  readonly curve: Curve
  /** The point, uncompressed: 0x04 and both coordinates. */
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

/**
 * Not a key but whoever an identity provider calls by this name: what Sigstore's short-lived certificates stand for.
 */
export interface SigstoreKey extends KeyBase {
  readonly kind: 'sigstore'
  /** The certificate's subject alternative name, exactly: an e-mail address or a URI. */
  readonly subject: string
  /** The OpenID Connect issuer, exactly. */
  readonly issuer: string
  /** Absolute path of Sigstore's trusted root (JSON), whose bytes are part of the policy's digest. */
  readonly trustedRoot: string
}

export interface OpenPgpKey extends KeyBase {
  readonly kind: 'openpgp'
  /** Fingerprint of the primary key, upper-case hex, no spaces. */
  readonly fingerprint: string
  /** Absolute path of the certificate file (armoured or binary), whose bytes are part of the policy's digest. */
  readonly certificate: string
}

export type Key = Ed25519Key | EcdsaKey | RsaKey | OpenPgpKey | SigstoreKey

export interface Principal {
  readonly name: string
  readonly keys: readonly Key[]
}

/** This machine. Always a principal; its key is not in the policy and it counts for what was built here alone. */
export const SELF = 'self'

/**
 * So many of these members. A member is a principal or another group. Each member that counts must be represented by a
 * principal of its own: one person never fills two seats, however many keys or groups they are in.
 */
export interface Group {
  readonly name: string
  readonly members: readonly string[]
  readonly threshold: number
}

export type Role = 'developer' | 'packager' | 'reviewer' | 'builder'

/** Somebody named in the policy (a principal or a group), in one role or, without `role`, in any. */
export interface Demand {
  readonly who: string
  readonly role?: Role
}

/**
 * What a path needs: every demand met (`all`), nothing (`nothing`, the policy said so in as many words), or that cannot
 * be met at all (`refuse`).
 */
export type Requirement =
  | { readonly kind: 'all'; readonly demands: readonly [Demand, ...Demand[]] }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'refuse' }

/** What a store path is. Fetched and local sources answer to `require.source`. */
export type SubjectKind = 'fetched-source' | 'local-source' | 'derivation' | 'output'

/** Which of a rule's three requirements a subject answers to. */
export type Aspect = 'source' | 'derivation' | 'output'

export const ASPECT: Readonly<Record<SubjectKind, Aspect>> = {
  'fetched-source': 'source',
  'local-source': 'source',
  derivation: 'derivation',
  output: 'output',
}

/** The roles whose claims can meet a requirement, by what the requirement is about. */
export const ROLES: Readonly<Record<Aspect, readonly Role[]>> = {
  source: ['developer', 'packager', 'reviewer'],
  derivation: ['packager', 'reviewer'],
  output: ['builder'],
}

/** One rule. The first rule that matches a subject's name and kind and states its aspect decides; else the default. */
export interface Rule {
  /** For messages: the rule's `name`, else `rule 3` by position; the default is called `default`. */
  readonly title: string
  /** Line of policy.toml, from 1. */
  readonly line: number
  /** Glob over the name part of the store path, `.drv` cut off: `*` any run, `?` one character, all else itself. */
  readonly name: string
  readonly kinds: readonly SubjectKind[]
  readonly require: Readonly<Partial<Record<Aspect, Requirement>>>
  /** A packager's signature on a whole build graph covers the sources and derivations in it. */
  readonly acceptGraph: boolean
  /** An output from elsewhere whose derivation is not known here is judged by its builders alone. */
  readonly acceptUnknownDerivation: boolean
  /** Whether a source may be vouched for by a key that has ended since, if what it signed is dated before that. */
  readonly acceptExpiredKey: ExpiredKeyAcceptance
}

export type ExpiredKeyAcceptance = 'refuse' | 'if-signed-before'

/** A key, or all keys of a principal, that counts for nothing from an instant on, whatever it signed before. */
export interface Revocation {
  readonly line: number
  readonly target: { readonly key: KeyIdentity } | { readonly principal: string }
  readonly from: Instant
  readonly reason?: string
}

/** A path let through without signatures, for a stated reason and until a stated end. */
export interface Exemption {
  readonly line: number
  readonly match:
    | { readonly path: string }
    | { readonly name: string; readonly kinds: readonly SubjectKind[] }
  readonly reason: string
  readonly until: Instant
}

export interface Policy {
  /** SHA-256, lower-case hex, over policy.toml and every certificate file it names: see digest.ts. */
  readonly digest: string
  /** Absolute paths of the certificate files, each once, in the order in which the digest takes them. */
  readonly certificates: readonly string[]
  readonly mode: 'enforce' | 'warn'
  /** Absolute directories that hold attestations, in order. */
  readonly attestations: readonly string[]
  /** Publications of attestations elsewhere, in order. */
  readonly sources: readonly AttestationSource[]
  readonly nix: NixSettings
  readonly gate: GateSettings
  readonly store: StoreSettings
  readonly principals: ReadonlyMap<string, Principal>
  readonly groups: ReadonlyMap<string, Group>
  readonly rules: readonly Rule[]
  readonly fallback: Rule
  readonly revocations: readonly Revocation[]
  readonly exemptions: readonly Exemption[]
}

/** Where somebody publishes attestations over HTTP(S). */
export interface AttestationSource {
  /** `http:` or `https:`, as the URL standard serialises it, without user, query, fragment and slash at the end. */
  readonly url: string
  /** Seconds for which it need not be asked again; 0: it is asked every time. */
  readonly maxAge: number
}

export interface NixSettings {
  /**
   * Whether a refusal before a build may be told through the hook's output, which makes Nix print it and fail, where
   * the running Nix is of a version known to do so. Otherwise, and everywhere when false, a refusal is an exit status.
   */
  readonly refusalLine: boolean
  /** Further versions of Nix, as `nix --version` prints them, on which that line was seen to refuse. */
  readonly refusalLineVersions: readonly string[]
}

/** The local substituter: where it listens, and the binary caches that it asks. */
export interface GateSettings {
  readonly listen: Listen
  /** In order; the first one that offers a path is the one that its NAR comes from. */
  readonly upstreams: readonly UpstreamSettings[]
  /** What Nix is told of a refused path: to fail with the reason, or that it is not there, so that Nix builds it. */
  readonly onRefusal: 'fail' | 'not-found'
  /** Seconds that an upstream is waited for. */
  readonly timeout: number
  /** Seconds for which an upstream's word on a path stands. */
  readonly maxAge: number
  /** Seconds for which it stands that no upstream has a path. */
  readonly negativeMaxAge: number
}

/** What the store plugin lets in unasked. */
export interface StoreSettings {
  /**
   * `data`: files that evaluation copies in, and what was fetched, may become valid: they are judged when something
   * is built from them. `attested`: they have to meet `require.source` first.
   */
  readonly sources: 'data' | 'attested'
}

export interface Listen {
  /** An IP address, without brackets. */
  readonly host: string
  readonly port: number
}

/** A binary cache. */
export interface UpstreamSettings {
  /**
   * `http:`, `https:` or `file:`, as the URL standard serialises it, without user, query, fragment and slash at the
   * end.
   */
  readonly url: string
  /** Absolute path of the file that holds the value of the Authorization header that it asks for. */
  readonly authorization?: string
}
