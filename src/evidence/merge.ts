import type { Claim, Evidence } from '../policy/verdict.ts'

/** All evidence together; what two places say alike is kept as the first of them says it. */
export function mergeEvidence(parts: readonly Evidence[]): Evidence {
  return {
    claims: distinct(parts.flatMap(part => part.claims)),
    strays: parts.flatMap(part => part.strays),
    troubles: parts.flatMap(part => part.troubles),
  }
}

function distinct(claims: readonly Claim[]): readonly Claim[] {
  const found = new Map<string, Claim>()
  for (const claim of claims) {
    const { key, role, path, narHash, graph, coversGraph, expired } = claim
    // An old signature of a key that ended since must not stand in for one that counts without that.
    const identity = [key, role, path, narHash, graph, coversGraph, expired?.signedAt, expired?.at].join(' ')
    if (!found.has(identity)) found.set(identity, claim)
  }
  return [...found.values()]
}
