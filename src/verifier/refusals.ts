import type { Refusal } from '../policy/verdict.ts'

/** Returns one refusal that is caused by others; undefined if the list is empty. */
export function refusedFor(
  refusals: readonly Refusal[],
  about: Pick<Refusal, 'path' | 'kind' | 'ground'>,
): Refusal | undefined {
  const [first, ...rest] = refusals.map(verdict => ({ code: 'input', path: verdict.path, verdict }) as const)
  if (first === undefined) return undefined
  const certain = refusals.every(refusal => refusal.outcome === 'untrusted')
  return { outcome: certain ? 'untrusted' : 'indeterminate', ...about, findings: [first, ...rest] }
}
