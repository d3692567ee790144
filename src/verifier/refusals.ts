import type { Refusal } from '../policy/verdict.ts'

/** One refusal because of others; undefined where there are no others. */
export function refusedFor(
  refusals: readonly Refusal[],
  about: Pick<Refusal, 'path' | 'kind' | 'ground'>,
): Refusal | undefined {
  const [first, ...rest] = refusals.map(verdict => ({ code: 'input', path: verdict.path, verdict }) as const)
  if (first === undefined) return undefined
  const certain = refusals.every(refusal => refusal.outcome === 'untrusted')
  return { outcome: certain ? 'untrusted' : 'indeterminate', ...about, findings: [first, ...rest] }
}
