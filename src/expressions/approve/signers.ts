import type { Signers } from '../../formats/in-toto/predicates/approval.ts'
import type { RevisionVerdict } from '../judge-revision.ts'

/** The people whose signatures of a commit counted, by name, sorted, and in which roles they did. */
export function signersIn({ verdict, signatures }: RevisionVerdict): Signers {
  if (verdict.outcome !== 'trusted' || verdict.basis.kind !== 'claims') return { signers: [] }
  const { principals, claims } = verdict.basis
  const own = signatures.filter(({ principal }) => principals.includes(principal))
  const counted = own.filter(({ key, role }) =>
    claims.some(claim => claim.key === key && claim.role === role),
  )
  const named = (some: typeof own) => [...new Set(some.map(({ principal }) => principal))].sort()
  const committers = named(counted.filter(({ role }) => role === 'committer'))
  const reviewers = named(counted.filter(({ role }) => role === 'reviewer'))
  return {
    signers: named(own),
    ...(committers.length === 0 ? {} : { committers }),
    ...(reviewers.length === 0 ? {} : { reviewers }),
  }
}
