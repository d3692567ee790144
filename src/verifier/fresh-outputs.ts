/** The outputs of a build that are still to be judged. */
import type { AdmittedKind } from '../ledger/admissions.ts'
import { readExpected, settle } from '../ledger/expected.ts'
import { forgetPresent } from '../ledger/present.ts'
import type { PathInfo } from '../store/store-client.ts'
import { isAdmitted } from './admitted.ts'
import type { Output, StoredDerivation } from './derivation-parts.ts'
import type { Inquiry } from './inquiry.ts'
import { isUnreplaced } from './made-from.ts'
import { type Built, type Ending, ofThisBuild } from './new-outputs.ts'
import { outputsOf } from './stored-derivation.ts'

/** An output that is valid in the store and has not been judged. */
export interface Fresh {
  readonly output: Output
  readonly info: PathInfo
  /** Whether this build made it, or made the same bytes again. */
  readonly isMade: boolean
  /** Whether it was absent before this build. */
  readonly isNew: boolean
}

/**
 * Returns the outputs that are still to be judged; undefined if none of the outputs is in the store
 * any longer.
 */
export async function freshOutputs(
  inquiry: Inquiry,
  stored: StoredDerivation,
  ending: Ending,
): Promise<readonly Fresh[] | undefined> {
  const { state } = inquiry.places
  // The policy is read right away. Otherwise an edit in the middle of it would refuse what was
  // built.
  const digest = await inquiry.policy().then(
    policy => policy.digest,
    () => undefined,
  )
  const valid: Pick<Fresh, 'output' | 'info'>[] = []
  const outputs = outputsOf(stored)
  const admitted: string[] = []
  for (const output of outputs) {
    if (
      digest !== undefined &&
      isAdmitted({ state, policy: digest, now: inquiry.now }, output.path, admittedAs(output))
    ) {
      settle(state, output.path.digest)
      admitted.push(output.path.digest)
      continue
    }
    const info = await (await inquiry.store()).pathInfo(output.path.path)
    if (info !== undefined) valid.push({ output, info })
  }
  if (valid.length + admitted.length === 0) return undefined
  const all = outputs.map(({ path }) => path.path)
  const fresh = ofBuild(inquiry, { derivation: stored.path.path, outputs: all, ending }, valid)
  // All notes together tell what the build was, so they go only now.
  if (ending !== 'unknown') for (const each of admitted) forgetPresent(state, each)
  if (ending !== 'unknown') return fresh
  // Nothing is left of a build that others have judged meanwhile.
  if (!fresh.some(({ isMade }) => isMade)) return []
  const times = outputs.flatMap(({ path }) => readExpected(state, path.digest)?.time ?? [])
  const isKnown = times.length > 0 && isUnreplaced(stored, Math.min(...times))
  return isKnown ? fresh : fresh.map(one => ({ ...one, isMade: false }))
}

/** Adds to valid outputs of a derivation whether this build made them and whether they are new. */
export function ofBuild<T extends { readonly info: PathInfo }>(
  { places, now }: Inquiry,
  build: Pick<Built, 'derivation' | 'outputs' | 'ending'>,
  valid: readonly T[],
): readonly (T & Pick<Fresh, 'isMade' | 'isNew'>)[] {
  const infos = valid.map(({ info }) => info)
  const { made, isNew } = ofThisBuild(places.state, { ...build, valid: infos, now })
  return valid.map(one => ({ ...one, isMade: made.has(one.info.path), isNew: isNew.has(one.info.path) }))
}

function admittedAs({ kind, isSignature }: Output): AdmittedKind {
  return isSignature ? 'signature' : kind
}
