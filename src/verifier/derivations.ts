/** Derivations: the verdict on one, and its admission. */
import { mergeEvidence } from '../evidence/merge.ts'
import { readAdmission } from '../ledger/admissions.ts'
import { stampOf } from '../ledger/stamp.ts'
import type { Refusal, Verdict } from '../policy/verdict.ts'
import { admittedNow, isDerivationAdmitted } from './admitted.ts'
import { rememberedEvidence } from './evidence.ts'
import { judgeWithGraph } from './graph.ts'
import type { Inquiry } from './inquiry.ts'
import { once } from './judge-once.ts'
import { recordTrust } from './record.ts'
import type { StoredDerivation } from './stored-derivation.ts'
import { subjectOf } from './subject.ts'

/** Admits a derivation. Undefined: admitted; otherwise why not. */
export function admitDerivation(inquiry: Inquiry, stored: StoredDerivation): Promise<Refusal | undefined> {
  return once(inquiry, `derivation ${stored.path.path}`, () => admitNow(inquiry, stored))
}

async function admitNow(inquiry: Inquiry, stored: StoredDerivation): Promise<Refusal | undefined> {
  if (isDerivationAdmitted(await admittedNow(inquiry), stored)) return undefined
  const verdict = await judgeDerivation(inquiry, stored)
  if (verdict.outcome !== 'trusted') return verdict
  if (inquiry.records) await recordTrust(inquiry, verdict, stored.path, stampOf(stored.path.path))
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
