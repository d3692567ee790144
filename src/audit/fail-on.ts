/** For what an audit is to fail. Pure. */
import type { Audit } from './audit.ts'
import { isOnlyLetIn } from './let-in.ts'
import type { AuditChanges } from './since.ts'

/** What `--fail-on` names, and what it means. */
export const FAILURES = {
  refused: 'a path of the closure is refused',
  undecided: 'a path of the closure could not be decided, or was not judged',
  'new-refused':
    'a path is refused that was trusted in the earlier audit, or is new and refused; or was not judged',
  ends: 'something ends within 30 days',
  exempt: 'a path passes by an exemption alone',
  'let-in': 'a path was let in with a warning, and would be refused now',
  differing: 'contents are not what the store registered, or cannot be read',
  unregistered: 'something lies in the store that its database does not know',
  missing: 'a registered path is not on the disk',
} as const

export type Failure = keyof typeof FAILURES

/** Those of the named that hold, with how many there are of each. */
export function failuresIn(
  audit: Audit,
  changes: AuditChanges | undefined,
  named: readonly Failure[],
): readonly { readonly failure: Failure; readonly count: number }[] {
  const closure = audit.paths.filter(({ part }) => part === 'closure')
  const isNew = new Set([...(changes?.newlyRefused ?? []), ...(changes?.appeared ?? [])])
  const counts: Readonly<Record<Failure, () => number>> = {
    refused: () => closure.filter(({ outcome }) => outcome === 'untrusted').length,
    undecided: () => closure.filter(({ outcome }) => outcome === 'indeterminate').length + audit.unjudged,
    'new-refused': () =>
      // What was not judged may be new and refused.
      audit.paths.filter(({ outcome }, place) => outcome !== 'trusted' && isNew.has(place)).length +
      audit.unjudged,
    ends: () => audit.ends.length,
    exempt: () => audit.exemptions.reduce((count, { paths }) => count + paths.length, 0),
    'let-in': () => closure.filter(isOnlyLetIn).length,
    differing: () => audit.disk.differing.length,
    unregistered: () => audit.disk.unregistered.length,
    missing: () => audit.disk.missing.length,
  }
  return named.map(failure => ({ failure, count: counts[failure]() })).filter(({ count }) => count > 0)
}
