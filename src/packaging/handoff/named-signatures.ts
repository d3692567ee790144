import type { StorePath } from '../../formats/nix/store-path.ts'
import { printable } from '../../primitives/printable.ts'
import type { GitPlace } from '../attest/git-signature.ts'
import { PackagingError } from '../packaging-error.ts'

/** A signature that the caller named. */
export interface NamedSignature {
  /** Store path or name of the source that it is for. */
  readonly source: string
  /** URL of the signature. */
  readonly signature: string
  /** URL of the list of checksums, where the signature is over one. */
  readonly list?: string
}

/** A signed git revision that the caller named for a source. */
export interface NamedRevision extends GitPlace {
  readonly source: string
}

/**
 * Makes sure that each signature and revision is for exactly one of these sources, and that no
 * source has both. Throws PackagingError.
 */
export function assertAbout(
  sources: readonly StorePath[],
  signatures: readonly NamedSignature[],
  revisions: readonly NamedRevision[],
): void {
  const bySignature = new Set(signatures.map(named => meantBy(named, sources)))
  const byRevision = revisions.map(named => meantBy(named, sources))
  const both = byRevision.find((path, index) => bySignature.has(path) || byRevision.indexOf(path) < index)
  if (both !== undefined) throw unknown(`${both}: give one --git, or --signature, and not both`)
}

/** The store path of the source that is meant. */
function meantBy({ source }: { readonly source: string }, sources: readonly StorePath[]): string {
  const meant = sources.filter(({ path, name }) => source === path || source === name)
  const [one, another] = meant
  if (one === undefined) throw unknown(`${printable(source)} is not a source of this derivation`)
  if (another === undefined) return one.path
  const paths = meant.map(({ path }) => path).join(', ')
  throw unknown(`${printable(source)} is the name of several sources: give the path of one (${paths})`)
}

function unknown(message: string): PackagingError {
  return new PackagingError('unknown-source', message)
}
