/**
 * The first lines of the ledger's entries: all that the store plugin reads of them
 * (nix/plugin/ledger.c). The lines after it are for TypeScript alone.
 *
 *     nixsig4 <store path> sha256:<NAR hash> <policy> <until>                      of an admission
 *     nixsig3 <output path> <derivation path> <policy> <until> <what is allowed>   of an expectation
 *
 * Hashes, also the policy's digest, are SHA-256 in lower-case hex; `until` is in seconds since 1970,
 * or `never`. What is allowed is `any`, `asked`, `nothing`, or `these` followed by 1 to 128 NAR
 * hashes (`sha256:…`), each after a space.
 */

/** What an admission says of a path. */
export interface AdmissionLine {
  readonly path: string
  /** SHA-256 of the NAR, lower-case hex. */
  readonly narHash: string
  /** Digest of the policy under which it was admitted, lower-case hex. */
  readonly policy: string
  /** The entry is stale from this second on, in seconds since 1970; undefined if it has no end. */
  readonly until: number | undefined
}

/** The contents with which an output may become valid, as found before its build started. */
export type Admits =
  /**
   * `any`: any contents; that this machine built it is enough. `asked`: a signature over the bytes
   * decides. `nothing`: it was refused.
   */
  | { readonly kind: 'any' | 'asked' | 'nothing' }
  /** NAR hashes, hex; at least one. Only the first 128 are kept. */
  | { readonly kind: 'these'; readonly hashes: readonly string[] }

/** The policy under which `admits` was found, and until when that holds. */
export interface Found {
  /** Digest of the policy, lower-case hex. */
  readonly policy: string
  /** Seconds since 1970; undefined if it has no end. */
  readonly until: number | undefined
}

/** What an expectation says of an output. */
export interface ExpectationLine {
  readonly path: string
  readonly derivation: string
  readonly found: Found
  readonly admits: Admits
}

/**
 * The most hashes that are kept, so that no number of attestations makes a file too long to be
 * read.
 */
const ALLOWED_LIMIT = 128

const ADMISSION = /^nixsig4 (\S+) sha256:([0-9a-f]{64}) ([0-9a-f]{64}) (never|\d{1,15})\n/
const EXPECTATION = new RegExp(
  `^nixsig3 (/\\S+) (/\\S+) ([0-9a-f]{64}) (never|\\d{1,15}) (any|asked|nothing|these((?: sha256:[0-9a-f]{64}){1,${ALLOWED_LIMIT}}))\n`,
)

/** The first line of an admission, with its line feed. */
export function admissionLine({ path, narHash, policy, until }: AdmissionLine): string {
  return `nixsig4 ${path} sha256:${narHash} ${policy} ${until ?? 'never'}\n`
}

/** Reads the line with which a text begins, and its length; undefined if it is not such a line. */
export function parseAdmissionLine(text: string): (AdmissionLine & { readonly length: number }) | undefined {
  const [line, path = '', narHash = '', policy = '', until = ''] = ADMISSION.exec(text) ?? []
  if (line === undefined) return undefined
  return { path, narHash, policy, until: untilOf(until), length: line.length }
}

/** The first line of an expectation, with its line feed. */
export function expectationLine({ path, derivation, found, admits }: ExpectationLine): string {
  const hashes = admits.kind === 'these' ? admits.hashes.slice(0, ALLOWED_LIMIT) : []
  const allowed = [admits.kind, ...hashes.map(hash => `sha256:${hash}`)].join(' ')
  return `nixsig3 ${path} ${derivation} ${found.policy} ${found.until ?? 'never'} ${allowed}\n`
}

/** Reads the line with which a text begins, and its length; undefined if it is not such a line. */
export function parseExpectationLine(
  text: string,
): (ExpectationLine & { readonly length: number }) | undefined {
  const [line, path = '', derivation = '', policy = '', until = '', kind = '', hashes] =
    EXPECTATION.exec(text) ?? []
  if (line === undefined) return undefined
  const found = { policy, until: untilOf(until) }
  return { path, derivation, found, admits: admitsOf(kind, hashes), length: line.length }
}

/** What is allowed; `hashes` has each after ` sha256:`, if it is `these`. */
function admitsOf(kind: string, hashes: string | undefined): Admits {
  if (hashes !== undefined) return { kind: 'these', hashes: hashes.split(' sha256:').slice(1) }
  return { kind: kind === 'any' || kind === 'asked' ? kind : 'nothing' }
}

function untilOf(word: string): number | undefined {
  return word === 'never' ? undefined : Number(word)
}
