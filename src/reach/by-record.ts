/** What a policy says of a path by the ledger's record alone: without the store, and fast. */
import { recalledEvidence } from '../evidence/remembered.ts'
import { type Admission, isCurrent } from '../ledger/admissions.ts'
import { judgeUnder } from '../policy/judge.ts'
import type { Instant, KeyIdentity, Policy, SubjectKind } from '../policy/policy.ts'
import { rememberedClaims } from '../verifier/evidence.ts'
import { subjectOfEntry } from '../verifier/subject.ts'
import { needsAddresses, partAbout, policyByRecord } from './unknown-addresses.ts'

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

/** What the record says of one path under two policies. */
export interface ToldByRecord {
  readonly passed: boolean
  readonly passes: boolean
  /** Whether it cannot say, and `passes` is the worst that may be. */
  readonly isOpen: boolean
}

/** Tells by the record what a change of the policy does to a path. */
export async function toldByRecord(
  { before, after }: { readonly before: Policy; readonly after: Policy },
  entry: JudgedAdmission,
  moment: Moment,
): Promise<ToldByRecord> {
  const passed = await passesByRecord(before, entry, moment)
  const subject = subjectOfEntry(entry)
  const isDecided =
    isCurrent(entry, after.digest, moment.now) ||
    !(needsAddresses(before, subject) || needsAddresses(after, subject))
  if (isDecided) return { passed, passes: await passesByRecord(after, entry, moment), isOpen: false }
  // Nothing changed that matters to it, whatever its addresses are.
  const [was, is] = [before, after].map(policy => partAbout(policy, subject, moment.now))
  if (was === undefined || is === undefined) return { passed: true, passes: false, isOpen: true }
  return was === is ? { passed, passes: passed, isOpen: false } : { passed, passes: false, isOpen: true }
}

/**
 * Whether the path passes by the claims in its entry: as the ledger admits it under this very
 * policy, or else as those claims are weighed anew. What else was attested about it is not looked
 * at. A source whose developers depend on its addresses passes if it does with any addresses.
 */
export async function passesByRecord(
  given: Policy,
  entry: JudgedAdmission,
  { now, own }: Moment,
): Promise<boolean> {
  if (isCurrent(entry, given.digest, now)) return true
  const subject = subjectOfEntry(entry)
  const policy = policyByRecord(given, subject)
  const evidence = await recalledEvidence(policy, rememberedClaims(entry), { now, own })
  return judgeUnder(policy, subject, evidence, now).outcome === 'trusted'
}
