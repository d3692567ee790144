import type { AuditedPath } from './audit.ts'

/** Whether a path was let in with a warning, and would be refused now: some were signed since. */
export function isOnlyLetIn({ letIn, outcome }: Pick<AuditedPath, 'letIn' | 'outcome'>): boolean {
  return letIn && outcome !== 'trusted'
}
