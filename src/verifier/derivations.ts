/** The verdict on a derivation, and its admission. */
import { mergeEvidence } from '../evidence/merge.ts'
import { type Admission, readAdmission } from '../ledger/admissions.ts'
import { stampOf } from '../ledger/stamp.ts'
import type { Refusal, Verdict } from '../policy/verdict.ts'
import { admitsDerivation, admittedNow } from './admitted.ts'
import type { StoredDerivation } from './derivation-parts.ts'
import { rememberedEvidence } from './evidence.ts'
import { judgeWithGraph } from './graph.ts'
import type { Inquiry } from './inquiry.ts'
import { once } from './judge-once.ts'
import { admissionOf, recordDerivation } from './record.ts'
import { subjectOf } from './subject.ts'

/**
 * Completes a derivation's entry before it is written, so that it is written once. Takes the entry
 * and returns it with the additions.
 */
export type Complete = (entry: Admission) => Promise<Admission>

/**
 * Admits a derivation. Returns undefined if it was admitted, otherwise the refusal. `complete` is
 * called with its entry, unless the derivation was already admitted in this inquiry.
 */
export function admitDerivation(
  inquiry: Inquiry,
  stored: StoredDerivation,
  complete: Complete = async entry => entry,
): Promise<Refusal | undefined> {
  return once(inquiry, `derivation ${stored.path.path}`, () => admitNow(inquiry, stored, complete))
}

async function admitNow(
  inquiry: Inquiry,
  stored: StoredDerivation,
  complete: Complete,
): Promise<Refusal | undefined> {
  const { path } = stored
  const now = await admittedNow(inquiry)
  const before = readAdmission(now.state, path.digest, path.path)
  if (before !== undefined && admitsDerivation(now, before, stored)) {
    if (inquiry.records) recordDerivation(inquiry, stored, await complete(before), before)
    return undefined
  }
  const verdict = await judgeKnown(inquiry, stored, before)
  if (verdict.outcome !== 'trusted') return verdict
  if (!inquiry.records) return undefined
  const at = { path, derivation: path.path, stamp: stampOf(path.path) }
  const admission = await complete(await admissionOf(inquiry, verdict, at))
  recordDerivation(inquiry, stored, admission, before)
  return undefined
}

/** Returns the verdict on a derivation (`require.derivation`), whatever the ledger says. */
export async function judgeDerivation(inquiry: Inquiry, stored: StoredDerivation): Promise<Verdict> {
  const { digest, path } = stored.path
  return judgeKnown(inquiry, stored, readAdmission(inquiry.places.state, digest, path))
}

/** Judges a derivation, with the claims that its ledger entry remembers, if it has an entry. */
async function judgeKnown(
  inquiry: Inquiry,
  { path, narHash }: StoredDerivation,
  remembered: Admission | undefined,
): Promise<Verdict> {
  const subject = subjectOf({ path, kind: 'derivation' }, { narHash, builtHere: false })
  const evidence = mergeEvidence([
    await inquiry.attested(path.path, subject),
    await rememberedEvidence(inquiry, remembered, subject),
  ])
  return judgeWithGraph(inquiry, subject, evidence)
}
