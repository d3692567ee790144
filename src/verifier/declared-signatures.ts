import type { Declaration, SignaturePart } from '../evidence/derivation-signatures.ts'
import { type DeclaredSignature, declaredSignatures, OWN_OUTPUT } from '../formats/nix/declared-signatures.ts'
import { urlsOf } from '../formats/nix/fetched-urls.ts'
import { FormatError } from '../primitives/format-error.ts'
import type { Input, StoredDerivation } from './derivation-parts.ts'

/** What one derivation says of signatures, of whatever it is about. */
export interface Declared {
  readonly by: StoredDerivation
  readonly signatures: readonly DeclaredSignature[]
  readonly problem?: string
}

/** What a derivation says of signatures. That it cannot be read is kept, for whatever it could have been about. */
export function declaredIn(by: StoredDerivation): Declared {
  try {
    return { by, signatures: declaredSignatures(by.derivation) }
  } catch (error) {
    if (error instanceof FormatError) return { by, signatures: [], problem: error.message }
    throw error
  }
}

/** What it says of something that it is built from; nothing, mostly. */
export function saidOfInput(declared: Declared, path: string): readonly Declaration[] {
  return said(declared, path)
}

/** What it says of its own output. */
export function saidOfOutput(declared: Declared): readonly Declaration[] {
  return said(declared, OWN_OUTPUT)
}

/** As what it names something that it is built from; undefined if it names no signature there. */
export function partNamed({ signatures }: Declared, path: string): SignaturePart | undefined {
  const isSignature = signatures.some(({ signature }) => signature === path)
  const isList = signatures.some(({ checksums }) => checksums === path)
  if (isSignature && isList) return 'either'
  if (isSignature) return 'signature'
  return isList ? 'checksums' : undefined
}

/** How a list of checksums may call a source: as the store does, or as it is called where it is fetched from. */
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

/** What a URL calls the file that it leads to, as it would be saved. */
function lastName(url: string): string | undefined {
  const last = new URL(url).pathname.split('/').at(-1) ?? ''
  try {
    return decodeURIComponent(last) || undefined
  } catch {
    return undefined
  }
}
