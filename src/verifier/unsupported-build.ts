/** Derivations whose output paths only the store knows, once they are built: see stored-derivation.ts. */
import type { PathInfo } from '../store/store-client.ts'
import type { BuildOutcome } from './build-outcome.ts'
import { condemn } from './condemn.ts'
import type { StoredDerivation } from './derivation-parts.ts'
import { ofBuild } from './fresh-outputs.ts'
import type { Inquiry } from './inquiry.ts'
import type { Ending } from './new-outputs.ts'
import { refusalOf } from './refusal-of-error.ts'
import { outputsOf, UnsupportedDerivationError } from './stored-derivation.ts'

/** Store paths of the outputs; empty if they are not known before the build. */
export function pathsOf(stored: StoredDerivation): readonly string[] {
  return unsupportedBy(stored) === undefined ? outputsOf(stored).map(({ path }) => path.path) : []
}

/** Why a derivation is one of these; undefined if it is none. */
export function unsupportedBy(stored: StoredDerivation): UnsupportedDerivationError | undefined {
  try {
    outputsOf(stored)
    return undefined
  } catch (error) {
    if (error instanceof UnsupportedDerivationError) return error
    throw error
  }
}

/** Refuses all outputs of such a derivation. Throws like afterBuild. */
export async function refuseUnsupported(
  inquiry: Inquiry,
  drvPath: string,
  { error, ending }: { readonly error: UnsupportedDerivationError; readonly ending: Ending },
): Promise<BuildOutcome> {
  const store = await inquiry.store()
  const outputs = [...(await store.outputs(drvPath)).values()].flatMap(path => path ?? [])
  const valid: { readonly info: PathInfo }[] = []
  for (const path of outputs) {
    const info = await store.pathInfo(path)
    if (info !== undefined) valid.push({ info })
  }
  const condemned = ofBuild(inquiry, { derivation: drvPath, outputs, ending }, valid).map(one => ({
    derivation: drvPath,
    ...one,
  }))
  const refusals = [refusalOf(error, drvPath, 'derivation')]
  return { admitted: [], refusals, taken: await condemn(inquiry, condemned, refusals) }
}
