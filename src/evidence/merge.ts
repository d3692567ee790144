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
  const found = new Map<string, Claim[]>()
  for (const claim of claims) {
    const identity = identityOf(claim)
    found.set(identity, withClaim(found.get(identity) ?? [], claim))
  }
  return [...found.values()].flat()
}

/** What tells claims apart, but for the references that they state. */
export function identityOf({ key, role, path, narHash, graph, coversGraph, expired }: Claim): string {
  // An old signature of a key that ended since must not stand in for one that counts without that.
  return [key, role, path, narHash, graph, coversGraph, expired?.signedAt, expired?.at].join(' ')
}

/** Claims of one identity, and one more. What states no references is said by any that states some. */
export function withClaim(claims: readonly Claim[], claim: Claim): Claim[] {
  const isSaid = claims.some(({ references }) => isSame(references, claim.references))
  if (isSaid || (claim.references === undefined && claims.length > 0)) return [...claims]
  return [...claims.filter(({ references }) => references !== undefined), claim]
}

function isSame(some: Claim['references'], others: Claim['references']): boolean {
  if (some === undefined || others === undefined) return some === others
  return some.length === others.length && some.every((path, index) => path === others[index])
}
