/** What a policy says of a path by the ledger's record alone: without the store, and fast. */
import { recalledEvidence } from '../evidence/remembered.ts'
import { parseStorePath } from '../formats/nix/store-path.ts'
import { type Admission, isCurrent } from '../ledger/admissions.ts'
import { judge } from '../policy/judge.ts'
import { policyFor } from '../policy/lists/policy-for.ts'
import { requirementFor, ruleFor } from '../policy/match.ts'
import {
  type Instant,
  ITS_DEVELOPERS,
  type KeyIdentity,
  type Policy,
  type SubjectKind,
} from '../policy/policy.ts'
import { rememberedClaims } from '../verifier/evidence.ts'
import { subjectOfEntry } from '../verifier/subject.ts'

/** An entry of a path that a policy judges. A signature file is not one. */
export type JudgedAdmission = Admission & { readonly kind: SubjectKind }

/**
 * When it is judged, and the identity of this machine's own key, whose attestations do not count.
 */
export interface Moment {
  readonly now: Instant
  readonly own: KeyIdentity | undefined
}

/** Whether an entry is of a path that a policy judges. */
export function isJudged(entry: Admission): entry is JudgedAdmission {
  return entry.kind !== 'signature'
}

/** Whether a source is judged by whom entries name for its addresses, which the ledger does not have. */
export function hangsOnAddresses(policy: Policy, { path, kind }: JudgedAdmission): boolean {
  if (kind !== 'fetched-source' || (policy.lists.size === 0 && policy.developers.length === 0)) return false
  const { name } = parseStorePath(path)
  const requirement = requirementFor(ruleFor(policy, { name, kind }), kind)
  return requirement.kind === 'all' && requirement.demands.some(({ who }) => who === ITS_DEVELOPERS)
}

/**
 * Whether the path passes by the claims in its entry: as the ledger admits it under this very
 * policy, or else as those claims are weighed anew. What else was attested about it is not looked
 * at.
 */
export async function passesByRecord(
  policy: Policy,
  entry: JudgedAdmission,
  { now, own }: Moment,
): Promise<boolean> {
  if (isCurrent(entry, policy.digest, now)) return true
  const subject = subjectOfEntry(entry)
  const evidence = await recalledEvidence(policyFor(policy, subject), rememberedClaims(entry), { now, own })
  return judge(policy, subject, evidence, now).outcome === 'trusted'
}
