import type { Declaration, SignaturePart } from '../../evidence/derivation-signatures.ts'
import { urlsOf } from '../../formats/nix/fetched-urls.ts'
import type { StorePath } from '../../formats/nix/store-path.ts'
import { FormatError } from '../../primitives/format-error.ts'
import type { Input, StoredDerivation } from '../../verifier/derivation-parts.ts'
import { inputsOf, outputsOf, readDerivation } from '../../verifier/stored-derivation.ts'

/** Derivations of one build graph. */
const GRAPH_LIMIT = 1_000_000

/** A source of a derivation. */
export interface Source {
  readonly path: StorePath
  readonly kind: 'fetched-source' | 'local-source'
  /** The derivation that fetches it. */
  readonly madeBy?: StoredDerivation
  /** Where it is fetched from, http, https and file only, in the order of the derivation. */
  readonly urls: readonly string[]
  /** What derivations say of where its developer's signatures are. */
  readonly declared: readonly Declaration[]
  /**
   * As what kind of signature file whoever uses it names it; missing where anybody uses it as a
   * source.
   */
  readonly part?: SignaturePart
}

/**
 * Sources of derivations: what they name themselves, with the signatures that are named by what
 * fetches those, or, if `recursive`, what anything in their build graphs names.
 */
export function sourcesOf(
  derivations: readonly StoredDerivation[],
  { recursive }: { readonly recursive: boolean },
): readonly Source[] {
  const sources = new Map<string, Source>()
  const add = (source: Source) => {
    const { path } = source.path
    const known = sources.get(path)
    sources.set(path, known === undefined ? source : merged(known, source))
  }
  for (const stored of recursive ? graphOf(derivations) : derivations) {
    for (const input of inputsOf(stored)) {
      if (input.kind === 'output') continue
      add(sourceOf(input, input.kind))
      if (input.derivation !== undefined) signaturesOf(input.derivation).forEach(add)
    }
    // A derivation that fetches is handed off with what it fetches.
    for (const output of outputsOf(stored)) {
      if (output.kind === 'output') continue
      const part = output.isSignature === true ? ({ part: 'either' } as const) : {}
      add(sourceOf({ ...output, ...part }, output.kind))
    }
  }
  return [...sources.values()]
}

/**
 * What a derivation that fetches names as signatures, and what fetches those in turn: a hook asks
 * about all of them.
 */
function signaturesOf(fetcher: StoredDerivation): readonly Source[] {
  const fetchers = new Map([[fetcher.path.path, fetcher]])
  const found: Source[] = []
  // A map goes on to what is added while it is walked.
  for (const each of fetchers.values()) {
    for (const input of inputsOf(each)) {
      if (input.kind === 'output' || input.part === undefined) continue
      found.push(sourceOf(input, input.kind))
      if (input.derivation !== undefined) fetchers.set(input.derivation.path.path, input.derivation)
    }
  }
  return found
}

/**
 * What two derivations say of one source. Of its signatures each may have something to say; it is
 * no more than a signature only where both call it one.
 */
function merged(known: Source, other: Source): Source {
  const { part, ...bare } = known
  const declared = new Map([...known.declared, ...other.declared].map(each => [JSON.stringify(each), each]))
  const both = { ...bare, declared: [...declared.values()] }
  if (part === undefined || other.part === undefined) return both
  return { ...both, part: part === other.part ? part : 'either' }
}

/** The source that an input is, as a packager sees it. */
export function sourceOf({ path, derivation, declared = [], part }: Input, kind: Source['kind']): Source {
  const madeBy = derivation === undefined ? {} : { madeBy: derivation }
  const named = part === undefined ? {} : { part }
  return {
    path,
    kind,
    ...madeBy,
    ...named,
    urls: derivation === undefined ? [] : urlsOf(derivation.derivation),
    declared,
  }
}

/**
 * The derivations that somebody stands for who hands these off: themselves, and what fetches their
 * sources and the signatures of those, which a hook asks about as well.
 */
export function signedWith(
  derivations: readonly StoredDerivation[],
  sources: readonly Source[],
): readonly StoredDerivation[] {
  const all = [...derivations, ...sources.flatMap(({ madeBy }) => madeBy ?? [])]
  return [...new Map(all.map(stored => [stored.path.path, stored])).values()]
}

function graphOf(derivations: readonly StoredDerivation[]): readonly StoredDerivation[] {
  const graph = new Map(derivations.map(stored => [stored.path.path, stored]))
  // A map goes on to what is added while it is walked.
  for (const stored of graph.values()) {
    for (const { path } of stored.derivation.inputDerivations) {
      if (!graph.has(path)) graph.set(path, readDerivation(path))
    }
    if (graph.size > GRAPH_LIMIT)
      throw new FormatError('derivation', 'a build graph without end', stored.path.path)
  }
  return [...graph.values()]
}
