import { FileError } from '../files/regular-file.ts'
import { parseStorePath } from '../formats/nix/store-path.ts'
import { type Expected, settleMade } from '../ledger/expected.ts'
import { forgetPresent } from '../ledger/present.ts'
import type { Refusal, Trust } from '../policy/verdict.ts'
import { NOTHING_TAKEN } from '../quarantine/take-all-out.ts'
import type { PathInfo } from '../store/store-client.ts'
import { admitBuild, admitInput, refusalOfCarried } from './admit.ts'
import { allGone } from './all-gone.ts'
import { attestOutput, type Seen } from './attest-own-output.ts'
import type { BuildOutcome } from './build-outcome.ts'
import { condemn } from './condemn.ts'
import type { StoredDerivation } from './derivation-parts.ts'
import { type Fresh, freshOutputs } from './fresh-outputs.ts'
import type { Inquiry } from './inquiry.ts'
import { judgeInput } from './judge-input.ts'
import { LeftToTheHook } from './left-to-the-hook.ts'
import { madeFrom } from './made-from.ts'
import { type Ending, endingOf } from './new-outputs.ts'
import { assertHere } from './other-store.ts'
import { recordMade, recordTrust } from './record.ts'
import { refusalOf } from './refusal-of-error.ts'
import { type Fate, fateOf } from './same-making.ts'
import { settleContents } from './settle-contents.ts'
import { pathsOf, refuseUnsupported, unsupportedBy } from './unsupported-build.ts'

/** How often a build is judged again if its outputs are taken out or rebuilt meanwhile. */
const TRIES = 3

/**
 * Judges what a build put into the store. The derivation and its inputs are judged again, because
 * the pre-build hook may have been skipped; then each output that is valid and not admitted yet.
 * Trusted outputs are attested with this machine's key and admitted. One refused output condemns
 * the whole build: in enforce mode all its outputs move from the store to the quarantine. The same
 * happens if judging fails, or if the policy cannot be read. If judging fails because another
 * process took the outputs out, that is the refusal. Throws if the store itself does not answer,
 * and LeftToTheHook if outputs would have to leave the store and this inquiry may not take them
 * out. Only for the hook that Nix has just called for this build; others call `afterUnjudgedBuild`.
 */
export async function afterBuild(inquiry: Inquiry, drvPath: string): Promise<BuildOutcome> {
  assertHere(drvPath)
  const outputs = pathsOf(inquiry.derivation(drvPath))
  return judgeUntilSettled(inquiry, drvPath, endingOf(inquiry.places.state, drvPath, outputs))
}

/**
 * Judges like `afterBuild` what an earlier build put into the store, if its hook never did. What no
 * expectation names counts as made elsewhere.
 */
export async function afterUnjudgedBuild(inquiry: Inquiry, drvPath: string): Promise<BuildOutcome> {
  return judgeUntilSettled(inquiry, drvPath, 'unknown')
}

async function judgeUntilSettled(inquiry: Inquiry, drvPath: string, ending: Ending): Promise<BuildOutcome> {
  for (let tries = TRIES; tries > 0; tries--) {
    const outcome = await judgeBuild(inquiry, drvPath, ending)
    if (outcome !== undefined) return outcome
  }
  return { admitted: [], refusals: [allGone(inquiry, inquiry.derivation(drvPath))], taken: NOTHING_TAKEN }
}

/**
 * Returns undefined if some outputs were taken out or rebuilt meanwhile, so that what is there now
 * has to be judged.
 */
async function judgeBuild(
  inquiry: Inquiry,
  drvPath: string,
  ending: Ending,
): Promise<BuildOutcome | undefined> {
  const stored = inquiry.derivation(drvPath)
  const unsupported = unsupportedBy(stored)
  if (unsupported !== undefined) return refuseUnsupported(inquiry, drvPath, { error: unsupported, ending })
  const fresh = await freshOutputs(inquiry, stored, ending)
  if (fresh === undefined) return { admitted: [], refusals: [allGone(inquiry, stored)], taken: NOTHING_TAKEN }
  if (fresh.length === 0) return { admitted: [], refusals: [], taken: NOTHING_TAKEN }
  const judged = await judgeOutputs(inquiry, stored, fresh)
  if (judged === undefined) return undefined
  const { trusted, refusals, made, from } = judged
  if (refusals.length === 0) refusals.push(...(await unwrittenOf(inquiry, fresh, trusted)))

  if (refusals.length > 0) {
    const condemned = fresh.map(({ info, isNew }) => ({ derivation: drvPath, info, isNew }))
    const taken = await condemn(inquiry, condemned, refusals)
    await rememberMade(inquiry, made, from)
    for (const { info } of fresh) forgetRefused(inquiry.places.state, info, ending)
    return { admitted: [], refusals, taken }
  }
  for (const { item, trust, stamp, seen } of trusted) {
    const { output, info } = item
    // The attestation comes first: if the process is killed in between, the next hook finds no
    // entry and writes the same attestation again.
    await attestOutput(inquiry, output, info, seen)
    await recordTrust(inquiry, trust, output.path, { stamp, info, from })
  }
  for (const { info } of fresh) forget(inquiry.places.state, info, ending)
  return { admitted: fresh.map(({ output }) => output.path.path), refusals, taken: NOTHING_TAKEN }
}

/** Why the outputs may not be admitted, if that cannot be written into the decision log. */
async function unwrittenOf(
  inquiry: Inquiry,
  fresh: readonly Fresh[],
  trusted: readonly Trusted[],
): Promise<readonly Refusal[]> {
  const [first, ...more] = fresh.map(item => {
    const trust = trusted.find(one => one.item === item)?.trust
    return { path: item.info.path, narHash: item.info.narHash, trust }
  })
  const refusal = first && (await inquiry.writesDecision?.([first, ...more]))
  return refusal === undefined ? [] : [refusal]
}

/**
 * Removes the expectation of an output that was judged. The hook of the build also removes the
 * presence note; to others, the note may be of a build that is still running.
 */
function forget(state: string, { path, registrationTime }: PathInfo, ending: Ending): void {
  const { digest } = parseStorePath(path)
  settleMade(state, digest, registrationTime)
  if (ending !== 'unknown') forgetPresent(state, digest)
}

/**
 * Does what `forget` does for a refused output, and ignores errors: the refusal must be reported
 * even if nothing can be written.
 */
function forgetRefused(state: string, info: PathInfo, ending: Ending): void {
  try {
    forget(state, info, ending)
  } catch {
    return
  }
}

/** An output that this build made, with its stamp from the moment its contents were checked. */
interface Made {
  readonly item: Fresh
  readonly stamp: string
  readonly seen: Seen
}

interface Trusted extends Made {
  readonly trust: Trust
}

/** Returns undefined if judging failed because some outputs were taken out or rebuilt. */
async function judgeOutputs(inquiry: Inquiry, stored: StoredDerivation, fresh: readonly Fresh[]) {
  const trusted: Trusted[] = []
  const made: Made[] = []
  const refusals: Refusal[] = []
  let from: string | undefined
  try {
    refusals.push(...(await admitBuild(inquiry, stored)))
    from = await madeFrom(inquiry, stored)
    for (const item of fresh) {
      if (item.output.isSignature) {
        // Nobody vouches for a signature and it is not attested. Either it is a signature, or it is
        // judged as an ordinary source.
        if (refusals.length > 0) continue
        const refusal = await admitInput(inquiry, { ...item.output, part: 'either' })
        if (refusal !== undefined) refusals.push(refusal)
        continue
      }
      if (!item.info.ultimate || !item.isMade) {
        // Another machine made it for this build, or it was here before. It is not this machine's
        // work, so it is not attested.
        const refusal = await admitInput(inquiry, item.output)
        if (refusal !== undefined) refusals.push(refusal)
        continue
      }
      const settled = await settleContents(inquiry, item.output, item.info)
      if ('refusal' in settled) {
        refusals.push(settled.refusal)
        continue
      }
      const { stamp } = settled
      if (stamp === undefined) throw new FileError(`${item.info.path} is not on the disk`)
      const looked = await seenOf(inquiry, item)
      if ('refusal' in looked) {
        refusals.push(looked.refusal)
        continue
      }
      made.push({ item, stamp, ...looked })
      const carried = await refusalOfCarried(inquiry, item.output, item.info)
      if (carried !== undefined) refusals.push(carried)
      const built = { builtHere: true, derivation: stored }
      const verdict = await judgeInput(inquiry, item.output, built, item.info)
      if (verdict.outcome === 'trusted') trusted.push({ item, trust: verdict, stamp, ...looked })
      else refusals.push(verdict)
    }
  } catch (error) {
    if (error instanceof LeftToTheHook) throw error
    const fates = await fatesOf(inquiry, fresh)
    if (fates.has('gone')) return undefined
    refusals.push(
      fates.has('leaving') ? allGone(inquiry, stored) : refusalOf(error, stored.path.path, 'derivation'),
    )
  }
  return { trusted, refusals, made, from }
}

/**
 * What this machine saw of an output that this build made. Of one that was there before, Nix
 * compared the registered hash only: its bytes are read.
 */
async function seenOf(
  inquiry: Inquiry,
  { output, info, isNew }: Fresh,
): Promise<{ readonly seen: Seen } | { readonly refusal: Refusal }> {
  if (isNew) return { seen: { references: info.references } }
  const { lookInto } = await import('./look-into.ts')
  const looked = await lookInto(inquiry, output, info)
  return 'refusal' in looked ? looked : { seen: { ...looked.stated, reproduced: true } }
}

/**
 * Remembers, while the policy warns, that this machine made these outputs: under a later policy
 * they need not be built again. They stay refused until then.
 */
async function rememberMade(
  inquiry: Inquiry,
  made: readonly Made[],
  from: string | undefined,
): Promise<void> {
  const isWarning = await inquiry.policy().then(
    ({ mode }) => mode === 'warn',
    () => false,
  )
  if (!isWarning) return
  for (const { item, stamp } of made) recordMade(inquiry, item.output, { ...item.info, stamp, from })
}

/**
 * Finds out what became of the outputs while judging failed. Returns an empty set if the store does
 * not say.
 */
async function fatesOf(inquiry: Inquiry, fresh: readonly Fresh[]): Promise<ReadonlySet<Fate>> {
  const fates = new Set<Fate>()
  try {
    for (const { info } of fresh) fates.add(await fateOf(inquiry, info))
  } catch {
    return new Set()
  }
  return fates
}

/**
 * Refuses an output that was built here and not judged by any hook, and whose derivation is no
 * longer in the store, so that its inputs are unknown. The expectation written when the build
 * started decides that it may be taken out. Throws like afterBuild.
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
  forgetRefused(inquiry.places.state, info, 'unknown')
  return { admitted: [], refusals: [refusal], taken }
}
