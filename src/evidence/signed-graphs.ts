import type { Claim } from '../policy/verdict.ts'

/** The most derivations that are visited to find one whose signed build graph contains a path. */
const VISIT_LIMIT = 4096

/**
 * One step up a build graph: the derivations that have this path as an input, read from their .drv
 * files.
 */
export type Dependents = (path: string) => Promise<readonly string[]>

/** The claims that packagers made about a derivation together with its whole build graph. */
export type GraphClaims = (derivation: string) => Promise<readonly Claim[]>

/**
 * Packagers' claims that cover a path because they signed a derivation that depends on it, directly
 * or not: a .drv names its inputs by hash, so a signature of one covers them all. Climbs from the
 * path to ever more distant dependents in this store, and yields claims about the path as they are
 * found. The caller stops when it has enough.
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
