/**
 * People and their keys, as a policy and the lists that it names have them. Nothing here does I/O.
 */
import type { OwnKeyForm } from '../formats/detached/forms.ts'

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
  /**
   * The ownerships (ownershipOf in language/keys.ts) of all keys of the certificate, bound or not.
   * A listed key without them does not count.
   */
  readonly holds?: readonly string[]
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
 * Stands for whoever the user's `[developers]`, or else the lists in scope, name for one source.
 */
export const ITS_DEVELOPERS = 'its-developers'

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
