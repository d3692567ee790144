import { FileError } from '../files/regular-file.ts'
import { parseStorePath } from '../formats/nix/store-path.ts'
import type { AdmittedKind } from '../ledger/admissions.ts'
import { type Expected, settle, settleMade } from '../ledger/expected.ts'
import { forgetPresent } from '../ledger/present.ts'
import type { Refusal, Trust } from '../policy/verdict.ts'
import { NOTHING_TAKEN, type TakenOut } from '../quarantine/take-all-out.ts'
import type { PathInfo } from '../store/store-client.ts'
import { admitBuild, admitInput, refusalOfCarried } from './admit.ts'
import { isAdmitted } from './admitted.ts'
import { attestOutput } from './attest-output.ts'
import { condemn } from './condemn.ts'
import type { Output, StoredDerivation } from './derivation-parts.ts'
import type { Inquiry } from './inquiry.ts'
import { judgeInput } from './judge-input.ts'
import { LeftToTheHook } from './left-to-the-hook.ts'
import { ofThisBuild } from './of-this-build.ts'
import { recordTrust } from './record.ts'
import { refusalOf } from './refusal-of-error.ts'
import { type Fate, fateOf } from './same-making.ts'
import { settleContents } from './settle-contents.ts'
import { outputsOf, UnsupportedDerivationError } from './stored-derivation.ts'

/** How often a build is judged again whose outputs are taken out or made again meanwhile. */
const TRIES = 3

/** What became of the outputs of one build. */
export interface BuildOutcome {
  readonly admitted: readonly string[]
  readonly refusals: readonly Refusal[]
  /** Refused outputs that left the store; nothing in warn mode. */
  readonly taken: TakenOut
}

/** An output that is valid in the store and has not been judged. */
interface Fresh {
  readonly output: Output
  readonly info: PathInfo
  /** Whether this build made it, or made the same once more. */
  readonly isMade: boolean
  /** Whether it was not here before. */
  readonly isNew: boolean
}

/**
 * Judges what a build put into the store: the derivation and its inputs once more, for a hook may have been skipped,
 * then each output that is valid and stands not in the ledger yet. What is trusted is attested with this machine's key
 * and admitted. One refused output condemns all of the build: in enforce mode they leave the store for the quarantine,
 * and so they do when judging fails or the policy cannot even be read. Where it fails because another process took
 * them out, that is the refusal: they left for the other's reason. Throws where the store itself does not answer, and
 * LeftToTheHook where they would leave it and this inquiry may not take them out.
 */
export async function afterBuild(inquiry: Inquiry, drvPath: string): Promise<BuildOutcome> {
  for (let tries = TRIES; tries > 0; tries--) {
    const outcome = await judgeBuild(inquiry, drvPath)
    if (outcome !== undefined) return outcome
  }
  return { admitted: [], refusals: [allGone(inquiry.derivation(drvPath))], taken: NOTHING_TAKEN }
}

/** Undefined: some of the outputs were taken out or made again meanwhile, and what is there now has to be judged. */
async function judgeBuild(inquiry: Inquiry, drvPath: string): Promise<BuildOutcome | undefined> {
  const stored = inquiry.derivation(drvPath)
  const unsupported = unsupportedBy(stored)
  if (unsupported !== undefined) return refuseUnsupported(inquiry, drvPath, unsupported)
  const fresh = await freshOutputs(inquiry, stored)
  if (fresh === undefined) return { admitted: [], refusals: [allGone(stored)], taken: NOTHING_TAKEN }
  if (fresh.length === 0) return { admitted: [], refusals: [], taken: NOTHING_TAKEN }
  const judged = await judgeOutputs(inquiry, stored, fresh)
  if (judged === undefined) return undefined
  const { trusted, refusals } = judged

  if (refusals.length > 0) {
    const condemned = fresh.map(({ info, isNew }) => ({ derivation: drvPath, info, isNew }))
    const taken = await condemn(inquiry, condemned, refusals)
    for (const { info } of fresh) forgetRefused(inquiry.places.state, info)
    return { admitted: [], refusals, taken }
  }
  for (const { item, trust, stamp } of trusted) {
    const { output, info } = item
    // Attested first: killed in between, the next hook finds no entry, and makes the same attestation again.
    await attestOutput(inquiry, output, info)
    await recordTrust(inquiry, trust, output.path, stamp)
  }
  for (const { info } of fresh) forget(inquiry.places.state, info)
  return { admitted: fresh.map(({ output }) => output.path.path), refusals, taken: NOTHING_TAKEN }
}

/** The output was judged. */
function forget(state: string, { path, registrationTime }: PathInfo): void {
  const { digest } = parseStorePath(path)
  settleMade(state, digest, registrationTime)
  forgetPresent(state, digest)
}

/** The same of one that was refused: nobody is told less because nothing can be written. */
function forgetRefused(state: string, info: PathInfo): void {
  try {
    forget(state, info)
  } catch {
    return
  }
}

/** The outputs that are yet to be judged; undefined if none of all outputs is there any longer. */
async function freshOutputs(
  inquiry: Inquiry,
  stored: StoredDerivation,
): Promise<readonly Fresh[] | undefined> {
  const { state } = inquiry.places
  // Read right away, or a policy that is edited now would refuse what was built.
  const digest = await inquiry.policy().then(
    policy => policy.digest,
    () => undefined,
  )
  const valid: Pick<Fresh, 'output' | 'info'>[] = []
  let admitted = 0
  for (const output of outputsOf(stored)) {
    if (
      digest !== undefined &&
      isAdmitted({ state, policy: digest, now: inquiry.now }, output.path, admittedAs(output))
    ) {
      settle(state, output.path.digest)
      forgetPresent(state, output.path.digest)
      admitted++
      continue
    }
    const info = await (await inquiry.store()).pathInfo(output.path.path)
    if (info !== undefined) valid.push({ output, info })
  }
  if (valid.length + admitted === 0) return undefined
  return ofBuild(inquiry, stored.path.path, valid)
}

/** What a build has to do with some valid outputs of its derivation. */
function ofBuild<T extends { readonly info: PathInfo }>(
  { places, now }: Inquiry,
  derivation: string,
  valid: readonly T[],
): readonly (T & Pick<Fresh, 'isMade' | 'isNew'>)[] {
  const infos = valid.map(({ info }) => info)
  const { made, isNew } = ofThisBuild(places.state, { derivation, valid: infos, now })
  return valid.map(one => ({ ...one, isMade: made.has(one.info.path), isNew: isNew.has(one.info.path) }))
}

function admittedAs({ kind, isSignature }: Output): AdmittedKind {
  return isSignature ? 'signature' : kind
}

/** Another hook was faster to judge this build: Nix must not take it for done. */
function allGone({ path }: StoredDerivation): Refusal {
  const detail = 'what it made is not in the store any longer: nixsig quarantine list'
  const finding = { code: 'unreadable', trouble: { origin: 'the store', detail } } as const
  return {
    outcome: 'indeterminate',
    path: path.path,
    kind: 'derivation',
    ground: { kind: 'store' },
    findings: [finding],
  }
}

/** An output that is trusted, with the stamp that it had when it was found to have the contents that were judged. */
interface Trusted {
  readonly item: Fresh
  readonly trust: Trust
  readonly stamp: string | undefined
}

/** Undefined: some of the outputs were taken out or made again, and judging failed by that. */
async function judgeOutputs(inquiry: Inquiry, stored: StoredDerivation, fresh: readonly Fresh[]) {
  const trusted: Trusted[] = []
  const refusals: Refusal[] = []
  try {
    refusals.push(...(await admitBuild(inquiry, stored)))
    for (const item of fresh) {
      if (item.output.isSignature) {
        // Nobody vouches for it and nothing is attested of it: it is one, or it is judged as the source that it is.
        if (refusals.length > 0) continue
        const refusal = await admitInput(inquiry, { ...item.output, part: 'either' })
        if (refusal !== undefined) refusals.push(refusal)
        continue
      }
      if (!item.info.ultimate || !item.isMade) {
        // Another machine made it for this build, or it was here before: no work of ours to judge or to attest.
        const refusal = await admitInput(inquiry, item.output)
        if (refusal !== undefined) refusals.push(refusal)
        continue
      }
      const settled = await settleContents(inquiry, item.output, item.info)
      if ('refusal' in settled) {
        refusals.push(settled.refusal)
        continue
      }
      if (settled.stamp === undefined) throw new FileError(`${item.info.path} is not on the disk`)
      const carried = await refusalOfCarried(inquiry, item.output, item.info)
      if (carried !== undefined) refusals.push(carried)
      const made = { builtHere: true, derivation: stored }
      const verdict = await judgeInput(inquiry, item.output, made, item.info)
      if (verdict.outcome === 'trusted') trusted.push({ item, trust: verdict, stamp: settled.stamp })
      else refusals.push(verdict)
    }
  } catch (error) {
    if (error instanceof LeftToTheHook) throw error
    const fates = await fatesOf(inquiry, fresh)
    if (fates.has('gone')) return undefined
    refusals.push(fates.has('leaving') ? allGone(stored) : refusalOf(error, stored.path.path, 'derivation'))
  }
  return { trusted, refusals }
}

/** What became of outputs while judging failed; nothing where the store does not say. */
async function fatesOf(inquiry: Inquiry, fresh: readonly Fresh[]): Promise<ReadonlySet<Fate>> {
  const fates = new Set<Fate>()
  try {
    for (const { info } of fresh) fates.add(await fateOf(inquiry, info))
  } catch {
    return new Set()
  }
  return fates
}

function unsupportedBy(stored: StoredDerivation): UnsupportedDerivationError | undefined {
  try {
    outputsOf(stored)
    return undefined
  } catch (error) {
    if (error instanceof UnsupportedDerivationError) return error
    throw error
  }
}

/**
 * Refuses an output that a build made here and no hook judged, and whose derivation is not in the store any longer: nothing
 * says what it was built from. It leaves the store by what was noted when its build was let start. As afterBuild otherwise.
 */
export async function afterLostBuild(
  inquiry: Inquiry,
  { derivation }: Expected,
  info: PathInfo,
): Promise<BuildOutcome> {
  const detail = `it was built here and not judged, and its derivation ${derivation} is not in the store any longer: build it again`
  const refusal: Refusal = {
    outcome: 'indeterminate',
    path: info.path,
    kind: 'output',
    ground: { kind: 'making' },
    findings: [{ code: 'unreadable', trouble: { origin: 'the store', detail } }],
  }
  const taken = await condemn(inquiry, [{ derivation, info, isNew: true }], [refusal])
  forgetRefused(inquiry.places.state, info)
  return { admitted: [], refusals: [refusal], taken }
}

/** Refuses whatever a derivation made whose outputs only the store knows. */
async function refuseUnsupported(
  inquiry: Inquiry,
  drvPath: string,
  error: UnsupportedDerivationError,
): Promise<BuildOutcome> {
  const store = await inquiry.store()
  const valid: { readonly info: PathInfo }[] = []
  for (const path of (await store.outputs(drvPath)).values()) {
    const info = path === undefined ? undefined : await store.pathInfo(path)
    if (info !== undefined) valid.push({ info })
  }
  const condemned = ofBuild(inquiry, drvPath, valid).map(one => ({ derivation: drvPath, ...one }))
  const refusals = [refusalOf(error, drvPath, 'derivation')]
  return { admitted: [], refusals, taken: await condemn(inquiry, condemned, refusals) }
}
