import type { Claim } from '../policy/verdict.ts'

/** Derivations that are looked at, at most, to find one whose signed build graph holds a path. */
const VISIT_LIMIT = 4096

/** One step up a build graph: the derivations that name this path as an input, read from their .drv files. */
export type Dependents = (path: string) => Promise<readonly string[]>

/** The claims that packagers made of a derivation together with its whole build graph. */
export type GraphClaims = (derivation: string) => Promise<readonly Claim[]>

/**
 * Packagers' claims that reach a path because they signed a derivation that is built from it, near or far: a .drv names
 * its inputs by hash, so who signed one signed them all. Climbs from the path to ever farther dependents that are in
 * this store and yields claims about the path as they are found; the caller stops when it has enough.
 */
export async function* signedGraphs(
  target: { readonly path: string; readonly narHash: string },
  dependents: Dependents,
  graphClaims: GraphClaims,
): AsyncGenerator<Claim> {
  const seen = new Set([target.path])
  let level = [target.path]
  while (level.length > 0) {
    const next: string[] = []
    for (const path of level) {
      for (const derivation of await dependents(path)) {
        if (seen.has(derivation) || seen.size > VISIT_LIMIT) continue
        seen.add(derivation)
        next.push(derivation)
        for (const claim of await graphClaims(derivation)) {
          yield { ...claim, path: target.path, narHash: target.narHash, graph: derivation }
        }
      }
    }
    level = next
  }
}
