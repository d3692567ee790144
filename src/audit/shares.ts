/** How many of each kind have signatures that count, by role. Pure. */
import { ASPECT, ROLES, type Role, type SubjectKind } from '../policy/policy.ts'
import { eachOnce } from '../primitives/each-once.ts'
import type { AuditedClaim, AuditedExpression, AuditedPath, Share } from './audit.ts'

const KINDS: readonly SubjectKind[] = ['fetched-source', 'local-source', 'derivation', 'output', 'expression']

/** A share for each kind that there is and each role that counts for it. */
export function sharesOf(
  paths: readonly Pick<AuditedPath, 'kind' | 'outcome' | 'claims'>[],
  expressions: readonly Pick<AuditedExpression, 'claims' | 'committers' | 'reviewers'>[],
): readonly Share[] {
  const totals = new Map<SubjectKind, number>()
  const signed = new Map<string, number>()
  // Paths that are alike share their claims.
  const rolesOf = eachOnce(
    (claims: readonly AuditedClaim[]): ReadonlySet<Role> => new Set(claims.map(({ role }) => role)),
  )
  const count = (kind: SubjectKind, roles: ReadonlySet<Role>) => {
    totals.set(kind, (totals.get(kind) ?? 0) + 1)
    for (const role of roles) {
      const both = `${kind} ${role}`
      signed.set(both, (signed.get(both) ?? 0) + 1)
    }
  }
  for (const { kind, outcome, claims } of paths) count(kind, outcome === 'trusted' ? rolesOf(claims) : NONE)
  for (const { claims, committers, reviewers } of expressions) {
    const roles = new Set(rolesOf(claims))
    if (committers.length > 0) roles.add('committer')
    if (reviewers.length > 0) roles.add('reviewer')
    count('expression', roles)
  }
  return KINDS.flatMap(kind => {
    const total = totals.get(kind) ?? 0
    // Whoever signed the commit, and who approved what it evaluates to.
    const roles = kind === 'expression' ? [...ROLES.expression, 'approver' as const] : ROLES[ASPECT[kind]]
    if (total === 0) return []
    return roles.map(role => ({ kind, role, signed: signed.get(`${kind} ${role}`) ?? 0, total }))
  })
}

const NONE: ReadonlySet<Role> = new Set()
