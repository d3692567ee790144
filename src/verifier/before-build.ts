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
import { assertHere } from './other-store.ts'
import { outputsOf, UnsupportedDerivationError } from './stored-derivation.ts'

/**
 * Judges whether a derivation may be built: the derivation itself, its sources, whether its other
 * inputs were admitted, and whether any outcome could be trusted. Returns all refusals; an empty
 * list means that the build may start. With `starts`, if there is no refusal or the policy is in
 * warn mode, an expectation is written for each output, with the contents that may be admitted (see
 * ledger/expected.ts). Only the hook that Nix calls for a build in its sandbox may set `starts`.
 */
export async function beforeBuild(
  inquiry: Inquiry,
  drvPath: string,
  { starts }: { readonly starts: boolean },
): Promise<readonly Refusal[]> {
  assertHere(drvPath)
  const stored = inquiry.derivation(drvPath)
  const outputs = outputsOf(stored)
  const { state } = inquiry.places
  const valid = await (await inquiry.store()).validPaths([drvPath, ...outputs.map(({ path }) => path.path)])
  // What an earlier build was allowed says nothing about this one, whatever fails below.
  if (starts) withdrawBuild(state, outputs, valid)
  // Nix checks the output paths against the derivation only when it registers the .drv as valid,
  // and nobody else checks them.
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
  // A refused build in warn mode gets no contents admitted beforehand: its outputs are let in
  // because of warn mode and for no other reason.
  const admits = new Map([...foreseen].map(([name, { admits }]) => [name, admits]))
  expectBuild(state, {
    ...{ derivation: drvPath, outputs, time: inquiry.now, valid },
    found: await foundNow(inquiry, stored, foreseen),
    admits: isRefused ? new Map() : admits,
  })
  return refusals
}

/**
 * The policy under which this was found, and until when it holds: what the build is made from may
 * expire too.
 */
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

/**
 * Returns what can be said about each output, by output name. Outputs that this build will not make
 * are left out unless something about them can be foreseen.
 */
async function foreseeAll(
  inquiry: Inquiry,
  outputs: readonly Output[],
  valid: ReadonlySet<string>,
): Promise<ReadonlyMap<string, Foreseen>> {
  // Asked before anything is read anew: what is remembered about the policy must belong to this
  // inquiry.
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
 * An output that is not valid is always foreseen. A valid output stays as it is, whatever the build
 * makes. It is judged afterwards; beforehand, only what others said about it can be known.
 */
async function isForeseeable(
  inquiry: Inquiry,
  now: Moment,
  { path, kind, isSignature }: Output,
): Promise<boolean> {
  if (isSignature || isAdmitted(now, path, kind)) return false
  return kind === 'fetched-source' || inquiry.isAttested(path.path)
}

/**
 * Nix passes all output paths to the post-build hook in one variable and cannot start the hook if
 * that is too long.
 */
function assertFitsHook(drvPath: string, outputs: readonly Output[]): void {
  const length = lengthForHook(outputs.map(({ path }) => path.path))
  if (length <= PATHS_LIMIT) return
  const what = `one of ${outputs.length} outputs, ${length} bytes of paths, of which Nix can tell the post-build hook ${PATHS_LIMIT}`
  throw new UnsupportedDerivationError(drvPath, what)
}
