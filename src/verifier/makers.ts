/**
 * Which derivation made a path, where several in the store say that they do. Anybody can add derivations: two that
 * differ in where a source is fetched from alone make the same output. So no order of theirs has a meaning, any one that
 * is admitted suffices, and one that nobody stands for is no knowledge at all.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { isStorePath, type StorePath } from '../formats/nix/store-path.ts'
import type { Refusal } from '../policy/verdict.ts'
import type { PathInfo, Store } from '../store/store-client.ts'
import type { Output, StoredDerivation } from './derivation-parts.ts'
import { admitDerivation } from './derivations.ts'
import type { Inquiry } from './inquiry.ts'
import { rankDerivations, UNKNOWN_LIMIT } from './known-inputs-first.ts'
import { refusalOf } from './refusal-of-error.ts'
import { outputsOf, readDerivation } from './stored-derivation.ts'

/** Derivations that are read for one path, though nobody knows them; and of these those that name signatures. */
const READ_LIMIT = 4096
const READ_AT_ONCE = 16
const SAYING_LIMIT = 256

/**
 * The outputs that are this path, of derivations that are valid in the store: Nix held their outputs' paths against
 * their contents when it registered them. A .drv file that merely lies on the disk is nothing.
 */
export async function makersOf(inquiry: Inquiry, path: StorePath): Promise<readonly Output[]> {
  const derivers = await (await inquiry.store()).derivers(path.path)
  const { known, unknown } = await rankDerivations(inquiry, derivers, READ_LIMIT)
  const makers: Output[] = []
  for (const [index, deriver] of [...known, ...unknown].entries()) {
    // Others are answered in between.
    if (index % READ_AT_ONCE === READ_AT_ONCE - 1) await nextTurn()
    const maker = outputNamedBy(deriver, path.path)
    if (maker !== undefined) makers.push(maker)
  }
  if (derivers.length <= UNKNOWN_LIMIT) return makers
  const first = new Set([...known, ...unknown.slice(0, UNKNOWN_LIMIT)])
  // Those that name signatures are looked at besides: others must not crowd them out.
  const saying = makers.filter(({ declared = [] }) => declared.length > 0).slice(0, SAYING_LIMIT)
  return makers.filter(maker => first.has(maker.derivation.path.path) || saying.includes(maker))
}

/** The output of this derivation that is this path; undefined if it makes no such thing, or cannot be read. */
export function outputNamedBy(deriver: string, path: string): Output | undefined {
  try {
    return outputsOf(readDerivation(deriver)).find(output => output.path.path === path)
  } catch {
    // Gone with the garbage, or of a kind whose outputs no .drv names.
    return undefined
  }
}

/** The output of a derivation that somebody names, if it is valid and makes this path. */
export async function outputOfValid(
  store: Store,
  deriver: string,
  path: string,
): Promise<Output | undefined> {
  if (!isStorePath(deriver)) return undefined
  const valid = await store.validPaths([deriver])
  return valid.has(deriver) ? outputNamedBy(deriver, path) : undefined
}

/** Whether a valid path was built: the store does not know it by its contents, and no derivation fetches it. */
export async function isBuilt(store: Store, { path, ca }: PathInfo): Promise<boolean> {
  if (ca !== undefined) return false
  const made = (await store.derivers(path)).flatMap(deriver => outputNamedBy(deriver, path) ?? [])
  return !made.some(({ kind }) => kind === 'fetched-source')
}

/** Those of some makers whose derivation somebody stands for. */
export async function vouchedFor(inquiry: Inquiry, makers: readonly Output[]): Promise<readonly Output[]> {
  const vouched: Output[] = []
  for (const maker of makers) {
    if ((await admitDerivation(inquiry, maker.derivation)) === undefined) vouched.push(maker)
  }
  return vouched
}

/** What is known of how a path was made. */
export interface Making {
  /** The derivation that was found admitted, with what was asked about it besides. */
  readonly derivation?: StoredDerivation
  /** Where there is no such derivation: what speaks against one that is known. */
  readonly refusals: readonly Refusal[]
  /** What speaks against derivations that nobody stands for. */
  readonly unvouched: readonly Refusal[]
}

/** The derivations that could have made a path. */
export interface Candidates {
  /** The one that a build graph or the ledger names: it is known whoever stands for it. */
  readonly named?: StoredDerivation | undefined
  readonly path: StorePath
}

/**
 * Finds the derivation that made a path: one that is admitted and about which `admitRest` finds nothing either. The one
 * that is named comes first; the store is asked for others only where that does not suffice.
 */
export async function makingOf(
  inquiry: Inquiry,
  { named, path }: Candidates,
  admitRest: (stored: StoredDerivation) => Promise<readonly Refusal[]>,
): Promise<Making> {
  const unvouched: Refusal[] = []
  const refused: (readonly Refusal[])[] = []
  const isMaker = async (stored: StoredDerivation): Promise<boolean> => {
    const refusal = await admitDerivation(inquiry, stored)
    if (refusal !== undefined) unvouched.push(refusal)
    if (refusal !== undefined && stored !== named) return false
    const rest = await admitRest(stored)
    const all = refusal === undefined ? rest : [refusal, ...rest.filter(({ path }) => path !== refusal.path)]
    if (all.length > 0) refused.push(all)
    return all.length === 0
  }
  if (named !== undefined && (await isMaker(named))) return { derivation: named, refusals: [], unvouched }
  for (const { derivation } of await makersOf(inquiry, path)) {
    if (derivation.path.path === named?.path.path) continue
    try {
      if (await isMaker(derivation)) return { derivation, refusals: [], unvouched }
    } catch (error) {
      // Of a derivation that anybody could have added: what is wrong with it is no error of this path.
      unvouched.push(refusalOf(error, derivation.path.path, 'derivation'))
    }
  }
  const [refusals = []] = refused
  return { refusals, unvouched }
}
