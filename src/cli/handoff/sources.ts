import { urlsOf } from '../../formats/fetched-urls.ts'
import type { StorePath } from '../../formats/store-path.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { inputsOf, outputsOf, readDerivation, type StoredDerivation } from '../../verifier/build.ts'

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
}

/** Sources of derivations: what they name themselves or, if `recursive`, what anything in their build graphs names. */
export function sourcesOf(
  derivations: readonly StoredDerivation[],
  { recursive }: { readonly recursive: boolean },
): readonly Source[] {
  const sources = new Map<string, Source>()
  for (const stored of recursive ? graphOf(derivations) : derivations) {
    // A derivation that fetches is handed off with what it fetches.
    const named = [...inputsOf(stored), ...outputsOf(stored)]
    for (const { path, kind, derivation } of named) {
      if (kind === 'output' || sources.has(path.path)) continue
      const madeBy = derivation === undefined ? {} : { madeBy: derivation }
      sources.set(path.path, {
        path,
        kind,
        ...madeBy,
        urls: derivation === undefined ? [] : urlsOf(derivation.derivation),
      })
    }
  }
  return [...sources.values()]
}

/**
 * The derivations that somebody stands for who hands these off: themselves, and what fetches their sources, which a hook
 * asks about as well.
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
