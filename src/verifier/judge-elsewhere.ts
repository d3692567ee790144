/** Judges a path that comes from elsewhere by what is said about it, before it is in this store. */
import { mergeEvidence } from '../evidence/merge.ts'
import { type Admission, isCurrent, readAdmission } from '../ledger/admissions.ts'
import type { SubjectKind } from '../policy/policy.ts'
import type { Claim, Evidence, Verdict } from '../policy/verdict.ts'
import { withAddresses } from './addresses.ts'
import { admitSources } from './admit-sources.ts'
import { admittedNow } from './admitted.ts'
import type { Output, StoredDerivation } from './derivation-parts.ts'
import { rememberedEvidence } from './evidence.ts'
import { judgeWithGraph } from './graph.ts'
import type { Inquiry } from './inquiry.ts'
import { madeAsRecorded, tellingOfUnvouched } from './judge-input.ts'
import { endingWith } from './limit-verdict.ts'
import { type Making, makingOf, outputOfValid } from './makers.ts'
import { recordAttested } from './record-seen.ts'
import { refusedFor } from './refusals.ts'
import { inputsOf } from './stored-derivation.ts'
import { type Identity, subjectOf } from './subject.ts'

/** A path that is not judged here yet, with the derivations in the store that make it. */
export interface Coming extends Identity {
  readonly kind: SubjectKind
  readonly makers?: readonly Output[]
}

/** Contents that the path is claimed to have, and who signed that. */
export interface Claimed {
  /** SHA-256 of the NAR, lower-case hex. */
  readonly narHash: string
  readonly signed: readonly Evidence[]
}

/**
 * A verdict, with all that is known about who signed what, and the derivation that was found to
 * make the path.
 */
export interface Judgement {
  readonly verdict: Verdict
  readonly claims: readonly Claim[]
  readonly derivation: StoredDerivation | undefined
}

/**
 * Judges by the signatures, the attestations of the path, and what the ledger remembers about these
 * exact contents. If the derivation of an output is known, that derivation and its sources must be
 * admitted.
 */
export async function judgeElsewhere(
  inquiry: Inquiry,
  coming: Coming,
  { narHash, signed }: Claimed,
): Promise<Judgement> {
  const { path, kind, makers = [] } = coming
  const entry = readAdmission(inquiry.places.state, path.digest, path.path)
  const isOwn = entry?.builtHere === true && entry.narHash === narHash
  const builtHere = isOwn && (await madeAsRecorded(inquiry, path, entry)).builtHere
  const making = builtHere
    ? await makingOfOwn(inquiry, coming, entry)
    : await makingElsewhere(inquiry, coming)
  const refusal = refusedFor(making.refusals, { path: path.path, kind, ground: { kind: 'making' } })
  if (refusal !== undefined) {
    await recordAttested(inquiry, subjectOf({ path, kind }, { narHash, builtHere }))
    return { verdict: refusal, claims: [], derivation: undefined }
  }
  const known =
    kind === 'fetched-source' ? await withAddresses(inquiry, { path, kind }, makers) : { path, kind }
  const subject = subjectOf({ ...known, derivation: making.derivation }, { narHash, builtHere })
  const evidence = mergeEvidence([
    ...signed,
    await inquiry.attested(path.path, subject),
    await rememberedEvidence(inquiry, entry, subject),
  ])
  const derivations = makers.map(maker => maker.derivation)
  const judged = await judgeWithGraph(inquiry, subject, evidence, derivations)
  const sources = (stored: StoredDerivation) => inputsOf(stored).filter(input => input.kind !== 'output')
  const verdict = await endingWith(inquiry, judged, making.derivation, sources)
  const told = tellingOfUnvouched(verdict, making.unvouched)
  return { verdict: told, claims: evidence.claims, derivation: making.derivation }
}

/**
 * For a path that this machine built itself: its inputs were judged then. Under another policy they
 * are judged again, as far as they are known.
 */
async function makingOfOwn(inquiry: Inquiry, coming: Coming, entry: Admission): Promise<Making> {
  const deriver = entry.derivation
  const made = deriver && (await outputOfValid(await inquiry.store(), deriver, coming.path.path))
  if (!made) return { refusals: [], unvouched: [] }
  const { derivation } = made
  const { policy, now } = await admittedNow(inquiry)
  if (isCurrent(entry, policy, now)) return { derivation, refusals: [], unvouched: [] }
  return makingElsewhere(inquiry, coming, derivation)
}

async function makingElsewhere(
  inquiry: Inquiry,
  { path, kind, makers = [] }: Coming,
  named?: StoredDerivation,
): Promise<Making> {
  if (kind !== 'output' || (makers.length === 0 && named === undefined))
    return { refusals: [], unvouched: [] }
  return makingOf(inquiry, { path, named }, (stored: StoredDerivation) => admitSources(inquiry, stored))
}
