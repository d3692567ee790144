/** Derivations: the verdict on one, and its admission. */
import { mergeEvidence } from '../evidence/merge.ts'
import { type Admission, readAdmission } from '../ledger/admissions.ts'
import { stampOf } from '../ledger/stamp.ts'
import type { Refusal, Verdict } from '../policy/verdict.ts'
import { admittedDerivation, admittedNow } from './admitted.ts'
import type { StoredDerivation } from './build.ts'
import { rememberedEvidence } from './evidence.ts'
import { judgeWithGraph } from './graph.ts'
import type { Inquiry } from './inquiry.ts'
import { once } from './once.ts'
import { admissionOf, recordDerivation } from './record.ts'
import { subjectOf } from './subject.ts'

/** What a derivation's entry is to say besides, so that it is written once. Given one, returns it with that. */
export type Complete = (entry: Admission) => Promise<Admission>

/**
 * Admits a derivation. Undefined: admitted; otherwise why not. `complete` is called with its entry, unless it was admitted
 * in this inquiry before.
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
  const entry = admittedDerivation(await admittedNow(inquiry), stored)
  if (entry !== undefined) {
    if (inquiry.records) recordDerivation(inquiry, stored, await complete(entry), entry)
    return undefined
  }
  const verdict = await judgeDerivation(inquiry, stored)
  if (verdict.outcome !== 'trusted') return verdict
  if (!inquiry.records) return undefined
  const { path } = stored
  const at = { path, derivation: path.path, stamp: stampOf(path.path) }
  const admission = await complete(await admissionOf(inquiry, verdict, at))
  recordDerivation(inquiry, stored, admission, readAdmission(inquiry.places.state, path.digest, path.path))
  return undefined
}

/** The verdict on a derivation (`require.derivation`), whatever the ledger says. */
export async function judgeDerivation(inquiry: Inquiry, stored: StoredDerivation): Promise<Verdict> {
  const { path, narHash } = stored
  const subject = subjectOf({ path, kind: 'derivation' }, { narHash, builtHere: false })
  const remembered = readAdmission(inquiry.places.state, path.digest, path.path)
  const evidence = mergeEvidence([
    await inquiry.attested(path.path),
    await rememberedEvidence(inquiry, remembered, subject.narHash),
  ])
  return judgeWithGraph(inquiry, subject, evidence)
}
