/**
 * How contents were hashed to compute their store path (Nix manual, "Content-addressing store
 * objects").
 */
import { FormatError } from '../../primitives/format-error.ts'
import { printable } from '../../primitives/printable.ts'
import { type HashAlgorithm, isHashAlgorithm, type NixHash, parseNixHash, printNixHash } from './nix-hash.ts'

/**
 * `flat`: the bytes of a file. `recursive`: the NAR. `text`: the bytes of a file, with references.
 * `git`: git's blob or tree.
 */
export type ContentMethod = 'flat' | 'recursive' | 'text' | 'git'

/** How contents are hashed. */
export interface HashedBy {
  readonly method: ContentMethod
  readonly algorithm: HashAlgorithm
}

/** The `CA` field of narinfo files and of Nix's database. */
export interface ContentAddress extends NixHash {
  readonly method: ContentMethod
}

const PREFIX = { flat: '', recursive: 'r:', text: 'text:', git: 'git:' } as const

/**
 * Parses `sha256`, `r:sha256`, `text:sha256` and `git:sha1`, as derivations write them. Throws
 * FormatError.
 */
export function parseHashedBy(text: string): HashedBy {
  const [, prefix, algorithm = ''] = /^(r:|text:|git:)?([a-z0-9]+)$/.exec(text) ?? []
  if (!isHashAlgorithm(algorithm)) throw malformed('not a method and algorithm of hashing', text)
  return { method: methodOf(prefix), algorithm }
}

/** Prints a method and algorithm as parseHashedBy reads it. */
export function printHashedBy({ method, algorithm }: HashedBy): string {
  return PREFIX[method] + algorithm
}

/**
 * Parses `text:sha256:<hash>`, `fixed:sha256:<hash>`, `fixed:r:sha256:<hash>` and
 * `fixed:git:sha1:<hash>`, with the hash in Nix32 or hex. Throws FormatError.
 */
export function parseContentAddress(text: string): ContentAddress {
  const form = /^(fixed|text):(r:|git:)?([a-z0-9]+:[a-z0-9]+)$/
  const [, scheme, prefix, hash] = form.exec(text) ?? []
  if (hash === undefined || (scheme === 'text' && prefix !== undefined)) throw malformed('unknown form', text)
  return { method: scheme === 'text' ? 'text' : methodOf(prefix), ...parseNixHash(hash) }
}

/** The form that Nix prints, with the hash in Nix32. */
export function printContentAddress(address: ContentAddress): string {
  const scheme = address.method === 'text' ? '' : 'fixed:'
  return scheme + PREFIX[address.method] + printNixHash(address)
}

function methodOf(prefix: string | undefined): ContentMethod {
  switch (prefix) {
    case 'r:':
      return 'recursive'
    case 'text:':
      return 'text'
    case 'git:':
      return 'git'
    default:
      return 'flat'
  }
}

function malformed(problem: string, text: string): FormatError {
  return new FormatError('content address', problem, `"${printable(text, 200)}"`)
}
