/** The verdict on a source or an output that is in the store, or that the ledger has seen there. */
import { mergeEvidence } from '../evidence/merge.ts'
import type { StorePath } from '../formats/nix/store-path.ts'
import { type Admission, isCurrent, isOnlySeen, readAdmission } from '../ledger/admissions.ts'
import { readExpected } from '../ledger/expected.ts'
import { type Evidence, NOT_THERE, type Refusal, type Subject, type Verdict } from '../policy/verdict.ts'
import type { PathInfo } from '../store/store-client.ts'
import { withAddresses } from './addresses.ts'
import { admitBuild } from './admit.ts'
import { admittedNow } from './admitted.ts'
import { asItsContents, ofStore, tellingOfUnlike } from './declared-contents.ts'
import { fileNamesOf } from './declared-signatures.ts'
import type { Input, Output, StoredDerivation } from './derivation-parts.ts'
import { declaredEvidence, doubting, unreadableIn } from './derivation-signatures.ts'
import { pathEvidence, rememberedEvidence } from './evidence.ts'
import { judgeWithGraph } from './graph.ts'
import type { Inquiry } from './inquiry.ts'
import { endingWith } from './limit-verdict.ts'
import { isUnreplaced, madeFrom } from './made-from.ts'
import { makersOf, makingOf, outputOfValid, vouchedFor } from './makers.ts'
import { recordAttested } from './record-seen.ts'
import { refusedFor } from './refusals.ts'
import { inputsOf } from './stored-derivation.ts'
import { subjectOf } from './subject.ts'

/**
 * Whether this machine made a path under its own hooks, and from which derivation, if that is still
 * in the store.
 */
export interface MadeHere {
  readonly builtHere: boolean
  readonly derivation?: StoredDerivation | undefined
  /** The digest of what it was built from: see made-from.ts. */
  readonly from?: string | undefined
}

/**
 * What is to be judged: an input that a build names, or a path with all derivations that make it.
 */
export type Judged = Input & { readonly makers?: readonly Output[] }

/**
 * Whether a path was made here. Either the ledger says so for these bytes, and it was made from
 * what its inputs are now; or a build of this path was allowed to start, the store registered the
 * path as built here, no hook has judged it yet, and its inputs have been there since.
 */
export async function madeHere(
  inquiry: Inquiry,
  path: StorePath,
  info: PathInfo | undefined,
): Promise<MadeHere> {
  const { state } = inquiry.places
  const entry = readAdmission(state, path.digest, path.path)
  const saysWho = entry !== undefined && !isOnlySeen(entry)
  if (saysWho && (info === undefined || entry.narHash === info.narHash)) {
    return entry.builtHere ? madeAsRecorded(inquiry, path, entry) : { builtHere: false }
  }
  const expected = info?.ultimate === true ? readExpected(state, path.digest) : undefined
  if (expected === undefined) return { builtHere: false }
  const made = await outputOfValid(await inquiry.store(), expected.derivation, path.path)
  if (made === undefined || !isUnreplaced(made.derivation, expected.time)) return { builtHere: false }
  return { builtHere: true, derivation: made.derivation, from: await madeFrom(inquiry, made.derivation) }
}

/**
 * Whether what an entry says of a build made here still counts. Under the policy of the entry, what
 * it was built from was trusted. Under another it is asked about as it is now, so it must be the
 * same.
 */
export async function madeAsRecorded(inquiry: Inquiry, path: StorePath, entry: Admission): Promise<MadeHere> {
  const made = entry.derivation && (await outputOfValid(await inquiry.store(), entry.derivation, path.path))
  const derivation = made ? made.derivation : undefined
  const { from } = entry
  const { policy, now } = await admittedNow(inquiry)
  if (isCurrent(entry, policy, now)) return { builtHere: true, derivation, from }
  if (derivation === undefined || from === undefined) return { builtHere: false }
  return (await madeFrom(inquiry, derivation)) === from
    ? { builtHere: true, derivation, from }
    : { builtHere: false }
}

/**
 * Returns the verdict on a source or an output, whatever the ledger says. `info`: what the store
 * registered about it. What does not have the hash that its derivation declares was not made by it,
 * here or elsewhere.
 */
export async function judgeInput(
  inquiry: Inquiry,
  input: Judged,
  made: MadeHere,
  info: PathInfo | undefined,
): Promise<Verdict> {
  const really = info === undefined ? input : await asItsContents(input, ofStore(info))
  if (really.unlike === undefined) return judgeAs(inquiry, really, made, info)
  const verdict = await judgeAs(inquiry, really, { builtHere: false }, info)
  return tellingOfUnlike(verdict, really.unlike)
}

async function judgeAs(
  inquiry: Inquiry,
  input: Judged,
  made: MadeHere,
  info: PathInfo | undefined,
): Promise<Verdict> {
  const { path } = input
  const entry = readAdmission(inquiry.places.state, path.digest, path.path)
  const narHash = info?.narHash ?? entry?.narHash
  if (narHash === undefined) return notThere(input)
  if (input.kind === 'output') return judgeOutput(inquiry, input, made, { info, narHash, entry })
  const makers = input.makers ?? (await makersOfSource(inquiry, input))
  const known = await withAddresses(inquiry, input, makers)
  const subject = subjectOf(known, { narHash, builtHere: made.builtHere })
  const names = await namesOf(inquiry, input, makers)
  const remembered = await rememberedEvidence(inquiry, entry, subject)
  const evidence = mergeEvidence([await pathEvidence(inquiry, subject, info, names), remembered])
  const source = { ...input, makers }
  if (info === undefined) return judgeWithGraph(inquiry, subject, evidence, derivationsOf(source))
  return judgeSource(inquiry, source, subject, { evidence, fsPath: path.path })
}

interface Stored {
  readonly info: PathInfo | undefined
  readonly narHash: string
  readonly entry: Admission | undefined
}

async function judgeOutput(
  inquiry: Inquiry,
  { path, kind, derivation }: Input,
  { builtHere, derivation: madeBy }: MadeHere,
  { info, narHash, entry }: Stored,
): Promise<Verdict> {
  const admitRest = async (stored: StoredDerivation) => (builtHere ? admitBuild(inquiry, stored) : [])
  const making = await makingOf(inquiry, { named: derivation ?? madeBy, path }, admitRest)
  const ground = { kind: builtHere ? 'inputs' : 'making' } as const
  const refusal = refusedFor(making.refusals, { path: path.path, kind, ground })
  if (refusal !== undefined) {
    await recordAttested(inquiry, subjectOf({ path, kind }, { narHash, builtHere }))
    return refusal
  }
  const subject = subjectOf({ path, kind, derivation: making.derivation }, { narHash, builtHere })
  const evidence = mergeEvidence([
    await pathEvidence(inquiry, subject, info),
    await rememberedEvidence(inquiry, entry, subject),
  ])
  const judged = await judgeWithGraph(inquiry, subject, evidence)
  const verdict = await endingWith(inquiry, judged, making.derivation, stored =>
    builtHere ? inputsOf(stored) : [],
  )
  return tellingOfUnvouched(verdict, making.unvouched)
}

/**
 * Adds to a verdict that is undecided because the derivation is unknown the refusals of derivations
 * that nobody vouches for.
 */
export function tellingOfUnvouched(verdict: Verdict, unvouched: readonly Refusal[]): Verdict {
  if (verdict.outcome === 'trusted' || unvouched.length === 0) return verdict
  const [first, ...rest] = verdict.findings
  const told = (finding: typeof first) =>
    finding.code === 'unknown-derivation' ? { ...finding, unvouched } : finding
  return { ...verdict, findings: [told(first), ...rest.map(told)] }
}

/**
 * Returns the verdict on a source by this evidence and by the signatures that derivations name for
 * it. `fsPath`: where its file lies, with the contents that `subject` names.
 */
export async function judgeSource(
  inquiry: Inquiry,
  input: Judged,
  subject: Subject,
  { evidence, fsPath }: { readonly evidence: Evidence; readonly fsPath: string },
): Promise<Verdict> {
  // Signatures that derivations name can only add trust. If they are not needed they are not read,
  // so that many of them cost nothing.
  const alone = await judgeWithGraph(inquiry, subject, evidence, derivationsOf(input))
  if (alone.outcome === 'trusted') return doubting(alone, unreadableIn(input))
  const { troubles, ...declared } = await declaredEvidence(inquiry, input, subject, fsPath)
  const all = mergeEvidence([evidence, { ...declared, troubles: [] }])
  return doubting(await judgeWithGraph(inquiry, subject, all, derivationsOf(input)), troubles)
}

/** All derivations that fetch a source; the one that a build names comes first. */
function derivationsOf({ derivation, makers = [] }: Judged): readonly StoredDerivation[] {
  const all = [...(derivation === undefined ? [] : [derivation]), ...makers.map(maker => maker.derivation)]
  return [...new Map(all.map(stored => [stored.path.path, stored])).values()]
}

async function makersOfSource(inquiry: Inquiry, { path, kind }: Input): Promise<readonly Output[]> {
  return kind === 'fetched-source' ? makersOf(inquiry, path) : []
}

/**
 * Returns the names under which a list of checksums may contain a source. The name in a
 * derivation's URL counts only if a build names that derivation or somebody vouches for it: any
 * other derivation could bring in the name of another file.
 */
export async function namesOf(
  inquiry: Inquiry,
  input: Input,
  makers: readonly Output[],
): Promise<readonly string[]> {
  const names = [...fileNamesOf(input)]
  for (const maker of await vouchedFor(inquiry, makers)) names.push(...fileNamesOf(maker))
  return [...new Set(names)]
}

function notThere(input: Input): Refusal {
  return {
    outcome: 'indeterminate',
    path: input.path.path,
    kind: input.kind,
    ground: { kind: 'store' },
    findings: [{ code: 'unreadable', trouble: NOT_THERE }],
  }
}
