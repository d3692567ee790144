import type { RevisionVerdict } from '../judge-revision.ts'

/** The people whose signatures of a commit counted, by name, sorted. */
export function signersIn({ verdict, signatures }: RevisionVerdict): readonly string[] {
  const isTrusted = verdict.outcome === 'trusted' && verdict.basis.kind === 'claims'
  const counted = isTrusted ? verdict.basis.principals : []
  return [...new Set(signatures.map(({ principal }) => principal))]
    .filter(who => counted.includes(who))
    .sort()
}
