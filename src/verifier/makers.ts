/**
 * Finds the derivation that made a path, when several in the store claim to. Anybody can add
 * derivations, and two that differ only in where a source is fetched from make the same output. So
 * their order means nothing, any admitted one is enough, and one that nobody vouches for tells
 * nothing.
 */
import { isStorePath, type StorePath } from '../formats/nix/store-path.ts'
import type { Refusal } from '../policy/verdict.ts'
import { withTurns } from '../primitives/with-turns.ts'
import type { PathInfo, Store } from '../store/store-client.ts'
import { declaredFor, haveHash, ofStore } from './declared-contents.ts'
import type { Output, StoredDerivation } from './derivation-parts.ts'
import { admitDerivation } from './derivations.ts'
import type { Inquiry } from './inquiry.ts'
import { rankDerivations, UNKNOWN_LIMIT } from './known-derivations-first.ts'
import { refusalOf } from './refusal-of-error.ts'
import { outputsOf, readDerivation } from './stored-derivation.ts'

/**
 * The most derivations that are read for one path although nobody knows them; and of these, the
 * most that name signatures.
 */
const READ_LIMIT = 4096
const READ_AT_ONCE = 16
const SAYING_LIMIT = 256

/**
 * Returns the outputs with this path, of derivations that are valid in the store: Nix checked their
 * output paths against their contents when it registered them. A .drv file that lies in the store
 * without being valid does not count.
 */
export async function makersOf(inquiry: Inquiry, path: StorePath): Promise<readonly Output[]> {
  const derivers = await (await inquiry.store()).derivers(path.path)
  const { known, unknown } = await rankDerivations(inquiry, derivers, READ_LIMIT)
  const makers: Output[] = []
  for await (const deriver of withTurns([...known, ...unknown], READ_AT_ONCE)) {
    const maker = outputNamedBy(deriver, path.path)
    if (maker !== undefined) makers.push(maker)
  }
  if (derivers.length <= UNKNOWN_LIMIT) return makers
  const first = new Set([...known, ...unknown.slice(0, UNKNOWN_LIMIT)])
  // Of those that were read, the ones that name signatures are kept too. Somebody who adds more
  // than are read can crowd out a derivation that nobody knows: what it names is then not looked
  // at.
  const saying = makers.filter(({ declared = [] }) => declared.length > 0).slice(0, SAYING_LIMIT)
  return makers.filter(maker => first.has(maker.derivation.path.path) || saying.includes(maker))
}

/**
 * Returns the output of this derivation that has this path; undefined if it has no such output or
 * cannot be read.
 */
export function outputNamedBy(deriver: string, path: string): Output | undefined {
  try {
    return outputsOf(readDerivation(deriver)).find(output => output.path.path === path)
  } catch {
    // Garbage-collected, or of a kind whose .drv does not name its output paths.
    return undefined
  }
}

/**
 * Returns the output of a named derivation that has this path; undefined if the derivation is not
 * valid or has no such output.
 */
export async function outputOfValid(
  store: Store,
  deriver: string,
  path: string,
): Promise<Output | undefined> {
  if (!isStorePath(deriver)) return undefined
  const valid = await store.validPaths([deriver])
  return valid.has(deriver) ? outputNamedBy(deriver, path) : undefined
}

/**
 * Whether a valid path was built: the store does not know it as content-addressed, and no
 * derivation fetches it with these contents. Throws FileError if they cannot be read.
 */
export async function isBuilt(store: Store, info: PathInfo): Promise<boolean> {
  const { path, ca } = info
  if (ca !== undefined) return false
  const made = (await store.derivers(path)).flatMap(deriver => outputNamedBy(deriver, path) ?? [])
  const [declared] = made.flatMap(output => declaredFor(output) ?? [])
  return declared === undefined || !(await haveHash(declared, ofStore(info)))
}

/** Returns those outputs whose derivation somebody vouches for. */
export async function vouchedFor(inquiry: Inquiry, makers: readonly Output[]): Promise<readonly Output[]> {
  const vouched: Output[] = []
  for (const maker of makers) {
    if ((await admitDerivation(inquiry, maker.derivation)) === undefined) vouched.push(maker)
  }
  return vouched
}

/** What is known about how a path was made. */
export interface Making {
  /** A derivation that is admitted, and whose other inputs passed `admitRest`. */
  readonly derivation?: StoredDerivation
  /** If no such derivation was found: the refusals of one that is known. */
  readonly refusals: readonly Refusal[]
  /** The refusals of derivations that nobody vouches for. */
  readonly unvouched: readonly Refusal[]
}

/** The derivations that could have made a path. */
export interface Candidates {
  /**
   * The one that a build graph or the ledger names. It is considered even if nobody vouches for it.
   */
  readonly named?: StoredDerivation | undefined
  readonly path: StorePath
}

/**
 * Finds the derivation that made a path: one that is admitted and for which `admitRest` returns no
 * refusal. The named one comes first; the store is asked for others only if that one is not enough.
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
      // Anybody could have added this derivation, so an error in it is not an error of the path.
      unvouched.push(refusalOf(error, derivation.path.path, 'derivation'))
    }
  }
  const [refusals = []] = refused
  return { refusals, unvouched }
}
