import type { Declaration } from '../../evidence/in-band.ts'
import { urlsOf } from '../../formats/nix/fetched-urls.ts'
import type { StorePath } from '../../formats/nix/store-path.ts'
import { FormatError } from '../../primitives/format-error.ts'
import {
  type Input,
  inputsOf,
  outputsOf,
  readDerivation,
  type StoredDerivation,
} from '../../verifier/build.ts'

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
    for (const input of named) {
      if (input.kind === 'output' || isOnlySignature(input)) continue
      const { path, declared = [] } = input
      const known = sources.get(path.path)
      // Of one source several derivations may have something to say.
      if (known === undefined) sources.set(path.path, sourceOf(input, input.kind))
      else sources.set(path.path, { ...known, declared: [...known.declared, ...declared] })
    }
  }
  return [...sources.values()]
}

/**
 * What a derivation that names it takes for a signature of something else, or what its own derivation says is one: nobody
 * stands for that, and the hooks let it in as nothing else.
 */
function isOnlySignature(input: Input): boolean {
  return input.part !== undefined || ('isSignature' in input && input.isSignature === true)
}

/** The source that an input is, as a packager sees it. */
export function sourceOf({ path, derivation, declared = [] }: Input, kind: Source['kind']): Source {
  const madeBy = derivation === undefined ? {} : { madeBy: derivation }
  return {
    path,
    kind,
    ...madeBy,
    urls: derivation === undefined ? [] : urlsOf(derivation.derivation),
    declared,
  }
}

/**
 * The derivations that somebody stands for who hands these off: themselves, and what fetches their sources and the
 * signatures of those, which a hook asks about as well.
 */
export function signedWith(
  derivations: readonly StoredDerivation[],
  sources: readonly Source[],
): readonly StoredDerivation[] {
  const fetchers = sources.flatMap(({ madeBy }) => madeBy ?? [])
  const signatures = fetchers.flatMap(inputsOf).filter(isOnlySignature)
  const all = [...derivations, ...fetchers, ...signatures.flatMap(({ derivation }) => derivation ?? [])]
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
