import type { Evidence } from '../policy/verdict.ts'

/** All evidence together. */
export function mergeEvidence(parts: readonly Evidence[]): Evidence {
  return {
    claims: parts.flatMap(part => part.claims),
    strays: parts.flatMap(part => part.strays),
    troubles: parts.flatMap(part => part.troubles),
  }
}
