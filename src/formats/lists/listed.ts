/** What a list says, as values: list.json without its spelling. */

/** Limit, in bytes, of a certificate. */
export const CERTIFICATE_LIMIT = 64 * 1024

/** A key as a list writes it. Seconds since 1970. */
export type ListedKey = TextListedKey | OpenPgpListedKey

/** From when a key counts, and from when it counts no more. */
export interface Validity {
  readonly validFrom?: number
  readonly validUntil?: number
}

/** The same without what is undefined. */
export function validityOf({
  validFrom,
  validUntil,
}: { readonly [Field in keyof Validity]: Validity[Field] | undefined }): Validity {
  return { ...(validFrom !== undefined && { validFrom }), ...(validUntil !== undefined && { validUntil }) }
}

export interface TextListedKey extends Validity {
  /** In any form that a policy takes: `ssh-ed25519 …`, `minisign:…`, `name:base64`, PEM. */
  readonly key: string
  readonly namespaces?: readonly string[]
}

export interface OpenPgpListedKey extends Validity {
  /** The fingerprint of the primary key: 40 or 64 upper-case hexadecimal digits. */
  readonly openpgp: string
  /** The path of the certificate from the directory of the list: `certificates/NAME.pgp`. */
  readonly certificate: string
}

export interface ListedPrincipal {
  /** A claim, never an identity. */
  readonly about?: string
  /** At least one. */
  readonly keys: readonly ListedKey[]
}

export interface ListedGroup {
  /** Principals of this document, each once. */
  readonly members: readonly string[]
  readonly threshold: number
}

/** Where an entry was read. */
export interface Provenance {
  readonly distribution: string
  readonly package: string
  readonly version: string
  /** Of the file that it was read from, lower-case hex. */
  readonly sha256: string
  /** The fingerprint of the key by which the distribution vouched for that file. */
  readonly archiveKey?: string
  /** A day: `2026-11-30`. */
  readonly date: string
}

/** What became of a real file and its signature. */
export interface Tried {
  readonly file: string
  readonly sha256: string
  readonly result: 'good' | 'bad' | 'expired' | 'unknown-signer'
  /** A day. */
  readonly date: string
}

/** Who signs which sources. */
export interface ListedDevelopers {
  /** Globs over names of sources. At least one. */
  readonly names: readonly string[]
  /** Globs over addresses. Empty: any address. */
  readonly urls: readonly string[]
  /** Principals and groups of this document, each once. At least one. */
  readonly by: readonly string[]
  readonly threshold: number
  /** Only in a list that is extracted. */
  readonly standing?: 'corroborated' | 'seen'
  readonly provenance: readonly Provenance[]
  readonly tried: readonly Tried[]
}

/** What is revoked: a name of this document, past or present, a key as text, or a certificate. */
export type RevokedTarget =
  | { readonly principal: string }
  | { readonly key: string }
  | { readonly openpgp: string }

export interface ListedRevocation {
  readonly target: RevokedTarget
  /** Seconds since 1970: what was signed from then on does not count. */
  readonly date: number
  readonly reason: string
}

/** The list says that a principal's key took over from another. */
export interface Succession {
  readonly principal: string
  /** Keys as texts, or `openpgp:FINGERPRINT`. */
  readonly from: string
  readonly to: string
  /** Seconds since 1970. */
  readonly date: number
}

/** What a team may speak for. Globs. */
export interface ListedTeam {
  /** At least one. */
  readonly names: readonly string[]
  readonly urls: readonly string[]
}

/** A list, or a team's part of one. Maps are in the order of the file. */
export interface ListDocument {
  /** What it calls itself. */
  readonly name: string
  readonly about?: string
  /** Whether its keepers vouch for its keys, or a program collected them. */
  readonly says: 'extracted' | 'vouched'
  readonly principals: ReadonlyMap<string, ListedPrincipal>
  readonly groups: ReadonlyMap<string, ListedGroup>
  readonly developers: ReadonlyMap<string, ListedDevelopers>
  readonly revocations: readonly ListedRevocation[]
  readonly succession: readonly Succession[]
  /** TOML: a suggestion that is shown, and never in force. */
  readonly rules?: string
  /** Empty in a team's part. */
  readonly teams: ReadonlyMap<string, ListedTeam>
}

/** A list, or a team's part of one, that says nothing yet. */
export function emptyList(name: string, says: ListDocument['says']): ListDocument {
  return {
    name,
    says,
    principals: new Map(),
    groups: new Map(),
    developers: new Map(),
    revocations: [],
    succession: [],
    teams: new Map(),
  }
}
