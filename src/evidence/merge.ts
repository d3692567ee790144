import type { Claim, Evidence, Stray } from '../policy/verdict.ts'

/** All evidence together; what two places say alike is kept as the first of them says it. */
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
  const found = new Map<string, Claim>()
  for (const claim of claims) {
    const { key, role, path, narHash, graph, coversGraph, expired, until, trace } = claim
    // One that ends, or that a later policy may not take, must not stand in for one that is better.
    const ends = [expired?.signedAt, expired?.at, until]
    const identity = [key, role, path, narHash, graph, coversGraph, ...ends, trace].join(' ')
    if (!found.has(identity)) found.set(identity, claim)
  }
  return [...found.values()]
}
