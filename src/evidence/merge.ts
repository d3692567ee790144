import type { Claim, Evidence, Stray } from '../policy/verdict.ts'

/** Merges evidence. Of identical items, the first is kept. */
export function mergeEvidence(parts: readonly Evidence[]): Evidence {
  return {
    claims: distinct(parts.flatMap(part => part.claims)),
    strays: distinctStrays(parts.flatMap(part => part.strays)),
    troubles: parts.flatMap(part => part.troubles),
  }
}

function distinctStrays(strays: readonly Stray[]): readonly Stray[] {
  const said = ({ problem, origin, detail }: Stray) => [problem, origin, detail].join('\n')
  return [...new Map(strays.map(stray => [said(stray), stray])).values()]
}

function distinct(claims: readonly Claim[]): readonly Claim[] {
  const found = new Map<string, Claim[]>()
  for (const claim of claims) {
    const identity = identityOf(claim)
    found.set(identity, withClaim(found.get(identity) ?? [], claim))
  }
  return [...found.values()].flat()
}

/** What tells claims apart, except for the references that they state. */
export function identityOf(claim: Claim): string {
  const { key, role, path, narHash, graph, coversGraph, expired, until, trace, logging } = claim
  // A claim that ends, or that a later policy may not accept, must not replace a better one.
  const ends = [expired?.signedAt, expired?.at, until]
  return [key, role, path, narHash, graph, coversGraph, ...ends, trace, ...proofsOf(logging)].join(' ')
}

/** A claim that is proven to be logged must not be dropped for one that is not. */
function proofsOf(logging: Claim['logging'] = []): readonly string[] {
  return logging.map(({ quorum, outcome, found }) => [quorum, outcome, ...found].join(','))
}

/**
 * Adds a claim to claims of the same identity. One that states no references is dropped for one
 * that does.
 */
export function withClaim(claims: readonly Claim[], claim: Claim): Claim[] {
  const isSaid = claims.some(({ references }) => isSame(references, claim.references))
  if (isSaid || (claim.references === undefined && claims.length > 0)) return [...claims]
  return [...claims.filter(({ references }) => references !== undefined), claim]
}

function isSame(some: Claim['references'], others: Claim['references']): boolean {
  if (some === undefined || others === undefined) return some === others
  return some.length === others.length && some.every((path, index) => path === others[index])
}
