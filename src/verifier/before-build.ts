import type { Refusal } from '../policy/verdict.ts'
import { FormatError } from '../primitives/format-error.ts'
import { printable } from '../primitives/printable.ts'
import { admitBuild } from './admit.ts'
import { admittedNow, isAdmitted } from './admitted.ts'
import { type Output, outputsOf, readDerivation } from './build.ts'
import { expectBuild } from './expect-build.ts'
import { foresee } from './foresee.ts'
import type { Inquiry } from './inquiry.ts'

/**
 * Judges whether a derivation may be built: itself, its sources, that all else it is built from was admitted, and
 * whether any outcome could be trusted. All refusals, none if it may. If it `starts` then, or in warn mode, its
 * outputs are expected (see ledger/expected.ts): nobody says so but the hook that Nix calls for a build in its
 * sandbox.
 */
export async function beforeBuild(
  inquiry: Inquiry,
  drvPath: string,
  { starts }: { readonly starts: boolean },
): Promise<readonly Refusal[]> {
  const stored = readDerivation(drvPath)
  const outputs = outputsOf(stored)
  // Nix held the outputs' paths against the derivation when it became valid, and nobody else did.
  const valid = await (await inquiry.store()).validPaths([drvPath])
  if (!valid.has(drvPath)) throw new FormatError('derivation', 'not valid in the store', printable(drvPath))
  const refusals = [...(await admitBuild(inquiry, stored))]
  const allowed = new Map<string, readonly string[]>()
  for (const output of outputs) {
    if (!(await isForeseeable(inquiry, output))) continue
    const { verdict, allowed: hashes } = await foresee(inquiry, output)
    if (verdict !== undefined && verdict.outcome !== 'trusted') refusals.push(verdict)
    allowed.set(output.name, hashes)
  }
  if (!starts) return refusals
  if (refusals.length > 0 && (await inquiry.policy()).mode === 'enforce') return refusals
  expectBuild(inquiry.places.state, { derivation: drvPath, outputs, time: inquiry.now, allowed })
  return refusals
}

/**
 * Whether anything can be said of an output before it is there: a fetched source, or one that others attested.
 * Whether what is fetched as a signature is one shows when it is there.
 */
async function isForeseeable(inquiry: Inquiry, output: Output): Promise<boolean> {
  if (isAdmitted(await admittedNow(inquiry), output.path, output.kind)) return false
  if (output.isSignature) return false
  if (output.kind === 'fetched-source') return true
  return inquiry.isAttested(output.path.path)
}
