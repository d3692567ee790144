/**
 * Decides whether an output that was built here may become valid. It is asked when the expectation
 * written before the build no longer answers that: the policy has changed since, or something the
 * expectation rested on has expired. The build was allowed to start, so the hooks were in force.
 */
import type { BuiltQuestion } from '../formats/hook-question.ts'
import type { Refusal } from '../policy/verdict.ts'
import { FormatError } from '../primitives/format-error.ts'
import { printable } from '../primitives/printable.ts'
import { admitBuild } from './admit.ts'
import { ofStore } from './declared-contents.ts'
import { foreseeOutcome } from './foresee.ts'
import type { Inquiry } from './inquiry.ts'
import { outputsOf, readDerivation } from './stored-derivation.ts'

/**
 * Returns undefined if, under the current policy, the build may start and its output may have these
 * contents; otherwise the refusal. Throws FormatError if the derivation is not valid in the store
 * or has no such output.
 */
export async function admitBuilt(
  inquiry: Inquiry,
  { path, narHash, derivation }: BuiltQuestion,
): Promise<Refusal | undefined> {
  const stored = readDerivation(derivation)
  const valid = await (await inquiry.store()).validPaths([derivation])
  if (!valid.has(derivation))
    throw new FormatError('derivation', 'not valid in the store', printable(derivation))
  const output = outputsOf(stored).find(made => made.path.path === path)
  if (output === undefined)
    throw new FormatError('derivation', `does not make ${path}`, printable(derivation))
  const [refusal] = await admitBuild(inquiry, stored)
  if (refusal !== undefined) return refusal
  const verdict = await foreseeOutcome(inquiry, output, ofStore({ path, narHash }))
  return verdict.outcome === 'trusted' ? undefined : verdict
}
