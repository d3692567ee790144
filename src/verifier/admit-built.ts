/**
 * Whether what a build made here may become valid, where what its build was let start for does not say so any more: the
 * policy is another since, or what it rested on has ended. It was let start, so its hooks were in force.
 */
import type { BuiltQuestion } from '../formats/hook-question.ts'
import type { Refusal } from '../policy/verdict.ts'
import { FormatError } from '../primitives/format-error.ts'
import { printable } from '../primitives/printable.ts'
import { admitBuild } from './admit.ts'
import { foreseeOutcome } from './foresee.ts'
import type { Inquiry } from './inquiry.ts'
import { outputsOf, readDerivation } from './stored-derivation.ts'

/**
 * Undefined: by the policy of now its build may start, and these contents come of it; otherwise why not. Throws FormatError
 * if the derivation is not in the store or does not make it.
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
  const verdict = await foreseeOutcome(inquiry, output, narHash)
  return verdict.outcome === 'trusted' ? undefined : verdict
}
