import { keepSeenClaims, readSeenClaims, type SeenClaim } from '../ledger/seen-conflicts.ts'
import { builderStandings } from '../policy/key-standing.ts'
import { policyFor } from '../policy/lists/policy-for.ts'
import type { Policy } from '../policy/policy.ts'
import type { Claim, Evidence, Subject } from '../policy/verdict.ts'
import { when } from '../policy/words.ts'
import type { Inquiry } from './inquiry.ts'

/**
 * Adds to the evidence about a path the conflicts that were seen earlier. They stay until root
 * withdraws them, whatever evidence is shown now. Conflicts that are seen now are recorded. They
 * can only take trust away, and are judged by the current policy: keys that it does not list, or
 * that have expired, cause no conflict. Throws FileError.
 */
export async function withSeenConflicts(
  inquiry: Inquiry,
  subject: Subject,
  evidence: Evidence,
): Promise<Evidence> {
  const { state } = inquiry.places
  if (inquiry.notesConflicts) {
    const contradicting = contradictions(await inquiry.policy(), inquiry.now, subject, evidence.claims)
    noteConflicts(inquiry, subject.path, contradicting)
  }
  const isSaidNow = ({ key, narHash }: SeenClaim) =>
    evidence.claims.some(claim => claim.role === 'builder' && claim.key === key && claim.narHash === narHash)
  const seen = readSeenClaims(state, subject.path)
    .filter(claim => claim.narHash !== subject.narHash && !isSaidNow(claim))
    .map(claim => asClaim(claim, subject.path))
  return seen.length === 0 ? evidence : { ...evidence, claims: [...evidence.claims, ...seen] }
}

/**
 * Records what builders claim about a path, for when it is judged with other contents. Throws
 * FileError.
 */
export function noteConflicts({ places, now }: Inquiry, path: string, claims: readonly Claim[]): void {
  if (claims.length === 0) return
  keepSeenClaims(
    places.state,
    path,
    claims.map(({ key, narHash, origin }) => ({ key, narHash, origin, seen: now })),
  )
}

/**
 * The claims by builders in the policy that conflict with what is judged, now or once their keys
 * are valid (S7).
 */
function contradictions(
  policy: Policy,
  now: number,
  subject: Subject,
  claims: readonly Claim[],
): readonly Claim[] {
  const about = policyFor(policy, subject)
  return claims.filter(({ key, role, path, narHash, expired }) => {
    const isOther = role === 'builder' && path === subject.path && narHash !== subject.narHash
    if (!isOther || expired !== undefined) return false
    const standings = builderStandings(about, key, subject.name, now)
    return standings.includes('valid') || standings.includes('not-yet-valid')
  })
}

function asClaim({ key, narHash, seen, origin }: SeenClaim, path: string): Claim {
  const told = `what was seen ${when(seen)}, until nixsig conflicts withdraw by root, in ${origin}`
  return { key, role: 'builder', path, narHash, origin: told }
}
