import { signedGraphs } from '../evidence/signed-graphs.ts'
import { FileError } from '../files/regular-file.ts'
import { ruleFor } from '../policy/match.ts'
import type { Claim, Subject } from '../policy/verdict.ts'
import { FormatError } from '../primitives/format-error.ts'
import { readDerivation, type StoredDerivation } from './build.ts'
import type { Inquiry } from './inquiry.ts'

/**
 * Claims that reach a source or a derivation because a packager signed the whole build graph of something built from
 * it; none where the rule in force does not accept those. `madeBy`: the derivation that makes a fetched source.
 */
export async function* graphClaimsOf(
  inquiry: Inquiry,
  subject: Subject,
  madeBy: StoredDerivation | undefined,
): AsyncGenerator<Claim> {
  const policy = await inquiry.policy()
  if (!ruleFor(policy, subject).acceptGraph) return
  const store = await inquiry.store()
  const known = new Map<string, StoredDerivation>()

  // The store's word that one path refers to another is a hint: the .drv itself must name it.
  const dependents = async (path: string): Promise<readonly string[]> => {
    const named = await store.referrers(path)
    const found: string[] = []
    for (const candidate of named) {
      if (!candidate.endsWith('.drv')) continue
      const stored = known.get(candidate) ?? readable(candidate)
      if (stored === undefined) continue
      known.set(candidate, stored)
      if (names(stored, path)) found.push(candidate)
    }
    return found
  }
  // What a derivation fetched is named by that derivation, and by no other.
  const above = async (path: string): Promise<readonly string[]> => {
    if (path !== subject.path || madeBy === undefined) return dependents(path)
    known.set(madeBy.path.path, madeBy)
    return [madeBy.path.path]
  }
  const graphClaims = async (derivation: string): Promise<readonly Claim[]> =>
    (await inquiry.attested(derivation)).claims.filter(
      claim => claim.coversGraph === true && claim.narHash === known.get(derivation)?.narHash,
    )
  yield* signedGraphs(subject, above, graphClaims)
}

/** Anybody can put derivations into the store that refer to a path: one that is no proper derivation says nothing. */
export function readable(candidate: string): StoredDerivation | undefined {
  try {
    return readDerivation(candidate)
  } catch (error) {
    if (error instanceof FormatError || error instanceof FileError) return undefined
    throw error
  }
}

function names({ derivation }: StoredDerivation, path: string): boolean {
  return (
    derivation.inputSources.includes(path) || derivation.inputDerivations.some(input => input.path === path)
  )
}
