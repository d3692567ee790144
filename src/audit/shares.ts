/** How many of each kind have signatures that count, by role. Pure. */
import { ASPECT, ROLES, type Role, type SubjectKind } from '../policy/policy.ts'
import type { AuditedClaim, AuditedExpression, AuditedPath, Share } from './audit.ts'

const KINDS: readonly SubjectKind[] = ['fetched-source', 'local-source', 'derivation', 'output', 'expression']

/** A share for each kind that there is and each role that counts for it. */
export function sharesOf(
  paths: readonly Pick<AuditedPath, 'kind' | 'outcome' | 'claims'>[],
  expressions: readonly Pick<AuditedExpression, 'claims'>[],
): readonly Share[] {
  const totals = new Map<SubjectKind, number>()
  const signed = new Map<string, number>()
  const rolesOf = openRoles()
  const count = (kind: SubjectKind, claims: readonly AuditedClaim[], counts: boolean) => {
    totals.set(kind, (totals.get(kind) ?? 0) + 1)
    if (!counts) return
    for (const role of rolesOf(claims)) {
      const both = `${kind} ${role}`
      signed.set(both, (signed.get(both) ?? 0) + 1)
    }
  }
  for (const { kind, outcome, claims } of paths) count(kind, claims, outcome === 'trusted')
  for (const { claims } of expressions) count('expression', claims, true)
  return KINDS.flatMap(kind => {
    const total = totals.get(kind) ?? 0
    // Of expressions it is known who approved what they evaluate to.
    const roles: readonly Role[] = kind === 'expression' ? ['approver'] : ROLES[ASPECT[kind]]
    if (total === 0) return []
    return roles.map(role => ({ kind, role, signed: signed.get(`${kind} ${role}`) ?? 0, total }))
  })
}

/** The roles of claims. Paths that are alike share theirs, which are looked at once. */
function openRoles(): (claims: readonly AuditedClaim[]) => ReadonlySet<Role> {
  const known = new Map<readonly AuditedClaim[], ReadonlySet<Role>>()
  return claims => {
    const before = known.get(claims)
    if (before !== undefined) return before
    const roles = new Set(claims.map(({ role }) => role))
    known.set(claims, roles)
    return roles
  }
}
