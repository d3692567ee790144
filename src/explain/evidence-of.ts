/** What is known of who signed one path, whether it counts or not. */
import { mergeEvidence } from '../evidence/merge.ts'
import { isDerivationPath, type StorePath } from '../formats/nix/store-path.ts'
import type { Admission } from '../ledger/admissions.ts'
import type { Evidence, Subject } from '../policy/verdict.ts'
import type { PathInfo } from '../store/store-client.ts'
import { withAddresses } from '../verifier/addresses.ts'
import { declaredEvidence, withWhatReferrersSay } from '../verifier/derivation-signatures.ts'
import { pathEvidence, rememberedEvidence } from '../verifier/evidence.ts'
import { type Identified, identify, knownFromStore } from '../verifier/identify.ts'
import type { Inquiry } from '../verifier/inquiry.ts'
import { namesOf } from '../verifier/judge-input.ts'
import { subjectOf } from '../verifier/subject.ts'

/** A path as it is judged; `input`: what is not a derivation. */
export interface AboutPath {
  readonly subject: Subject
  readonly input?: Identified
}

/** What a path is, with what derivations say about it. */
export async function aboutPath(
  inquiry: Inquiry,
  path: StorePath,
  info: PathInfo | undefined,
): Promise<AboutPath> {
  const contents = { narHash: info?.narHash ?? '', builtHere: false }
  if (isDerivationPath(path)) return { subject: subjectOf({ path, kind: 'derivation' }, contents) }
  const input = await withWhatReferrersSay(inquiry, await identify(inquiry, path, knownFromStore(info)))
  return { subject: subjectOf(await withAddresses(inquiry, input, input.makers), contents), input }
}

/** All that is known of who signed a path, also what the ledger remembers. */
export async function evidenceAbout(
  inquiry: Inquiry,
  { subject, input }: AboutPath,
  entry: Admission | undefined,
  info: PathInfo | undefined,
): Promise<Evidence> {
  const narHash = info?.narHash ?? entry?.narHash ?? ''
  const remembered = await rememberedEvidence(inquiry, entry, { ...subject, narHash })
  const found =
    input === undefined
      ? await inquiry.attested(subject.path, subject)
      : await evidenceOfPath(inquiry, { subject, input }, info)
  return mergeEvidence([found, remembered])
}

async function evidenceOfPath(
  inquiry: Inquiry,
  { subject, input }: Required<AboutPath>,
  info: PathInfo | undefined,
): Promise<Evidence> {
  const found = await pathEvidence(inquiry, subject, info, await namesOf(inquiry, input, input.makers))
  if (input.kind === 'output' || info === undefined) return found
  return mergeEvidence([found, await declaredEvidence(inquiry, input, subject, subject.path)])
}
