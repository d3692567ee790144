import { readAdmission } from '../ledger/admissions.ts'
import type { Found } from '../ledger/expected.ts'
import { earliest } from '../policy/key-standing.ts'
import type { Refusal } from '../policy/verdict.ts'
import { FormatError } from '../primitives/format-error.ts'
import { printable } from '../primitives/printable.ts'
import { admitBuild } from './admit.ts'
import { admittedNow, isAdmitted, type Moment } from './admitted.ts'
import type { Output, StoredDerivation } from './derivation-parts.ts'
import { expectBuild, withdrawBuild } from './expect-build.ts'
import { foresee } from './foresee.ts'
import type { Foreseen } from './foreseen.ts'
import { lengthForHook, PATHS_LIMIT } from './hook-paths.ts'
import type { Inquiry } from './inquiry.ts'
import { outputsOf, UnsupportedDerivationError } from './stored-derivation.ts'

/**
 * Judges whether a derivation may be built: itself, its sources, that all else it is built from was admitted, and
 * whether any outcome could be trusted. All refusals, none if it may. If it `starts` then, or in warn mode, its
 * outputs are expected (see ledger/expected.ts), with the contents that were found to be good: nobody says so but the
 * hook that Nix calls for a build in its sandbox.
 */
export async function beforeBuild(
  inquiry: Inquiry,
  drvPath: string,
  { starts }: { readonly starts: boolean },
): Promise<readonly Refusal[]> {
  const stored = inquiry.derivation(drvPath)
  const outputs = outputsOf(stored)
  const { state } = inquiry.places
  const valid = await (await inquiry.store()).validPaths([drvPath, ...outputs.map(({ path }) => path.path)])
  // What an earlier build was let do says nothing of this one, whatever goes wrong from here on.
  if (starts) withdrawBuild(state, outputs, valid)
  // Nix held the outputs' paths against the derivation when it became valid, and nobody else did.
  if (!valid.has(drvPath)) throw new FormatError('derivation', 'not valid in the store', printable(drvPath))
  assertFitsHook(drvPath, outputs)
  const foreseen = await foreseeAll(inquiry, outputs, valid)
  const refusals = [...(await admitBuild(inquiry, stored, foreseen))]
  for (const { verdict } of foreseen.values()) {
    if (verdict !== undefined && verdict.outcome !== 'trusted') refusals.push(verdict)
  }
  if (!starts) return refusals
  const isRefused = refusals.length > 0
  if (isRefused && (await inquiry.policy()).mode === 'enforce') return refusals
  // Where it is only warned of, what it makes is let in for that reason and for no other.
  const admits = new Map([...foreseen].map(([name, { admits }]) => [name, admits]))
  expectBuild(state, {
    ...{ derivation: drvPath, outputs, time: inquiry.now, valid },
    found: await foundNow(inquiry, stored, foreseen),
    admits: isRefused ? new Map() : admits,
  })
  return refusals
}

/** Under which policy that was found, and until when it holds: what the build is made from may end as well. */
async function foundNow(
  inquiry: Inquiry,
  { path }: StoredDerivation,
  foreseen: ReadonlyMap<string, Foreseen>,
): Promise<Found> {
  const { state, policy } = await admittedNow(inquiry)
  const entry = readAdmission(state, path.digest, path.path)
  const ends = [...foreseen.values()].map(({ until }) => until)
  return { policy, until: earliest([entry?.policy === policy ? entry.until : undefined, ...ends]) }
}

/** What can be said of each output, by its name; nothing of those that this build will not make. */
async function foreseeAll(
  inquiry: Inquiry,
  outputs: readonly Output[],
  valid: ReadonlySet<string>,
): Promise<ReadonlyMap<string, Foreseen>> {
  // Asked before anything is read anew: what is remembered of the policy must not be somebody else's work.
  const now = await admittedNow(inquiry)
  const foreseen = new Map<string, Foreseen>()
  for (const output of outputs) {
    const isMade = !valid.has(output.path.path)
    if (isMade || (await isForeseeable(inquiry, now, output)))
      foreseen.set(output.name, await foresee(inquiry, output))
  }
  return foreseen
}

/**
 * What is not valid is always foreseen. What is valid stays as it is, whatever the build makes; it is judged
 * afterwards, and only what others have said of it can be known before.
 */
async function isForeseeable(
  inquiry: Inquiry,
  now: Moment,
  { path, kind, isSignature }: Output,
): Promise<boolean> {
  if (isSignature || isAdmitted(now, path, kind)) return false
  return kind === 'fetched-source' || inquiry.isAttested(path.path)
}

/** Nix gives the post-build hook all paths in one variable, and cannot start it where that is too long. */
function assertFitsHook(drvPath: string, outputs: readonly Output[]): void {
  const length = lengthForHook(outputs.map(({ path }) => path.path))
  if (length <= PATHS_LIMIT) return
  const what = `one of ${outputs.length} outputs, ${length} bytes of paths, of which Nix can tell the post-build hook ${PATHS_LIMIT}`
  throw new UnsupportedDerivationError(drvPath, what)
}
