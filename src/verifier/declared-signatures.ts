import type { Declaration, SignaturePart } from '../evidence/derivation-signatures.ts'
import { type DeclaredSignature, declaredSignatures, OWN_OUTPUT } from '../formats/nix/declared-signatures.ts'
import { urlsOf } from '../formats/nix/fetched-urls.ts'
import { FormatError } from '../primitives/format-error.ts'
import type { Input, StoredDerivation } from './derivation-parts.ts'

/** What one derivation declares about signatures, for whatever subjects. */
export interface Declared {
  readonly by: StoredDerivation
  readonly signatures: readonly DeclaredSignature[]
  readonly problem?: string
}

/**
 * Reads what a derivation declares about signatures. If that cannot be read, the problem is kept,
 * because it may concern any subject.
 */
export function declaredIn(by: StoredDerivation): Declared {
  try {
    return { by, signatures: declaredSignatures(by.derivation) }
  } catch (error) {
    if (error instanceof FormatError) return { by, signatures: [], problem: error.message }
    throw error
  }
}

/** Returns what the derivation declares about one of its inputs; usually nothing. */
export function saidOfInput(declared: Declared, path: string): readonly Declaration[] {
  return said(declared, path)
}

/** Returns what the derivation declares about its own output. */
export function saidOfOutput(declared: Declared): readonly Declaration[] {
  return said(declared, OWN_OUTPUT)
}

/**
 * Returns the kind of signature file that the derivation names this input as; undefined if it does
 * not name it as one.
 */
export function partNamed({ signatures }: Declared, path: string): SignaturePart | undefined {
  const isSignature = signatures.some(({ signature }) => signature === path)
  const isList = signatures.some(({ checksums }) => checksums === path)
  if (isSignature && isList) return 'either'
  if (isSignature) return 'signature'
  return isList ? 'checksums' : undefined
}

/**
 * The names under which a list of checksums may contain a source: its name in the store, or the
 * file names in the URLs it is fetched from.
 */
export function fileNamesOf({ path, derivation }: Pick<Input, 'path' | 'derivation'>): readonly string[] {
  const urls = derivation === undefined ? [] : urlsOf(derivation.derivation)
  return [...new Set([path.name, ...urls.flatMap(url => lastName(url) ?? [])])]
}

function said(declared: Declared, subject: string): readonly Declaration[] {
  const { by, signatures, problem } = declared
  const about = signatures.filter(each => each.subject === subject)
  if (about.length === 0 && problem === undefined) return []
  return [{ by: by.path.path, signatures: about, ...(problem === undefined ? {} : { problem }) }]
}

/** The file name in a URL, as the file would be saved. Returns undefined if there is none. */
function lastName(url: string): string | undefined {
  const last = new URL(url).pathname.split('/').at(-1) ?? ''
  try {
    return decodeURIComponent(last) || undefined
  } catch {
    return undefined
  }
}
