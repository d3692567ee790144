import { FileError } from '../files/regular-file.ts'
import { parseStorePath } from '../formats/nix/store-path.ts'
import { settleMade } from '../ledger/expected.ts'
import { forgetPaths } from '../store/forget-paths.ts'
import type { Store } from '../store/store-client.ts'
import { emptyDoubles, enterAll, type Marked } from './enter.ts'
import { entryDirectory, finishEntry, hasContent, quarantineDirectory, removeEntry } from './entries.ts'
import { holdersOf, isHolder, referrersFirst } from './holders.ts'
import { markLeaving, unmarkLeaving } from './leaving.ts'
import { makeRoom, mayBeKept, NO_ROOM } from './room.ts'
import { exists, openAside } from './set-aside.ts'
import { type OpenStore, stillValidIn, withStore } from './still-valid.ts'
import { discardPartial, type Leaving, type Lost, takeOut } from './take-out.ts'

/** Time for all rounds, in addition to the time for copying; milliseconds. */
const ROUNDS_LIMIT = 30_000

/**
 * Up to this many paths that refer to refused outputs are kept for inspection; more are deleted.
 */
export const HOLDERS_KEPT = 16

/** The most paths that a message names of those that the store still lists. */
const PATHS_TOLD = 3

/** The result of taking paths out of the store. */
export interface TakenOut {
  /** The ids of the entries that keep them and some of the paths that referred to them. */
  readonly kept: readonly string[]
  /** Paths that left the store and could not be kept. */
  readonly lost: readonly Lost[]
  /** How many more paths referred to them and were deleted. */
  readonly deleted: number
}

/** The result if nothing was taken out. */
export const NOTHING_TAKEN: TakenOut = { kept: [], lost: [], deleted: 0 }

/** How much is done before the rest is left to the next hook. */
export interface Effort {
  /** Milliseconds for copying. */
  readonly patience: number
  /** Milliseconds for Nix to forget paths that are gone, in each round. */
  readonly forgetting: number
  /**
   * How often referrers of these paths are looked for. Anybody can make more of them, also while
   * this goes on. If the store plugin is active, the second round finds no more.
   */
  readonly rounds: number
}

/** Everything that leaves the store, as far as it is known. */
interface Departure {
  readonly marked: Marked[]
  /** The number of further entries that referrers may get. */
  room: number
  /** Referrers without an entry. */
  readonly others: Set<string>
  readonly lost: Map<string, Lost>
}

/**
 * Takes these paths and everything that refers to them out of the store, and has Nix forget them.
 * Then removes the unfinished marks of their entries. Throws FileError if the store still has one
 * of them afterwards; then the marks stay.
 */
export async function takeAllOut(
  state: string,
  marked: readonly Marked[],
  openStore: OpenStore,
  { patience, rounds, forgetting }: Effort,
): Promise<TakenOut> {
  const room = Math.max(0, HOLDERS_KEPT - marked.filter(({ entry }) => isHolder(entry)).length)
  const leaving: Departure = { marked: [...marked], room, others: new Set(), lost: new Map() }
  for (const one of marked) if (one.id === undefined) note(leaving, { path: one.entry.path, why: one.why })
  const aside = await openAside()
  try {
    const end = performance.now() + patience + ROUNDS_LIMIT
    let said = ''
    for (let round = 1; ; round++) {
      const { there, referrers } = await withStore(openStore, store => lookAgain(state, store, leaving))
      if (there.length === 0) break
      if (round > rounds || performance.now() > end) throw stillListed(there, said)
      for (const one of await takeOut(there, aside, patience)) note(leaving, one)
      said = await haveForgotten(there, referrers, forgetting)
    }
  } finally {
    await aside.remove().catch(() => undefined)
  }
  return finish(state, leaving)
}

function note({ lost }: Departure, one: Lost): void {
  lost.set(one.path, one)
}

/** What the store still has, and who refers to it. */
interface There {
  readonly there: readonly Leaving[]
  readonly referrers: ReadonlyMap<string, readonly string[]>
}

/**
 * Returns those of these paths that the store still has, with their referrers, which are looked up
 * again.
 */
async function lookAgain(state: string, store: Store, leaving: Departure): Promise<There> {
  const entries = leaving.marked.map(({ entry }) => entry)
  const still = new Set(await stillValidIn(store, entries))
  const held = [...(leaving.others.size === 0 ? [] : await store.validPaths([...leaving.others]))]
  let referrers: There['referrers'] = new Map()
  if (still.size > 0) {
    const paths = [...still].map(({ path }) => path)
    markLeaving(state, paths)
    const holders = await holdersOf(store, [...still], { held, room: leaving.room })
    const { kept, others } = holders
    referrers = holders.referrers
    leaving.room -= kept.length
    for (const one of await enterAll(state, kept)) {
      leaving.marked.push(one)
      still.add(one.entry)
    }
    for (const path of others) {
      leaving.others.add(path)
      held.push(path)
    }
  }
  const there = leaving.marked.filter(({ entry }) => still.has(entry))
  for (const { entry } of there) if (!mayBeKept(entry)) note(leaving, { path: entry.path, why: NO_ROOM })
  const without = held.map(path => ({ path, directory: undefined }))
  return { there: [...there.map(one => placeOf(state, one)), ...without], referrers }
}

function placeOf(state: string, { entry, id }: Marked): Leaving {
  const isKept = id !== undefined && mayBeKept(entry)
  return { path: entry.path, directory: isKept ? entryDirectory(state, id) : undefined }
}

/**
 * Has Nix forget what is gone from the disk. Returns why that failed, if it did: somebody may have
 * made a new reference meanwhile.
 */
async function haveForgotten(
  there: readonly Leaving[],
  referrers: There['referrers'],
  limit: number,
): Promise<string> {
  const gone = there.map(({ path }) => path).filter(path => !exists(path))
  try {
    await forgetPaths(referrersFirst(gone, referrers), limit)
    return 'it has them again'
  } catch (error) {
    if (error instanceof FileError) return error.message
    throw error
  }
}

function stillListed(there: readonly Leaving[], said: string): FileError {
  const told = there.slice(0, PATHS_TOLD).map(({ path }) => path)
  const more = there.length > told.length ? ` and ${there.length - told.length} more` : ''
  return new FileError(`the store still lists ${told.join(', ')}${more} (${said})`)
}

function finish(state: string, { marked, lost, others }: Departure): TakenOut {
  ifWritable(() => discardPartial(quarantineDirectory(state)))
  ifWritable(() => unmarkLeaving(state))
  for (const { entry, id } of marked) {
    // Judged and gone, so no longer expected. Done before the unfinished mark is removed, so that
    // no kill leaves an expectation behind.
    ifWritable(() => settleMade(state, parseStorePath(entry.path).digest, entry.registered))
    if (id !== undefined) finishEntry(state, id)
  }
  // Entries of a killed process that was waiting for the one that took the same paths out.
  for (const { id } of emptyDoubles(state, marked)) if (id !== undefined) removeEntry(state, id)
  const held = marked.filter(({ id }) => id !== undefined && hasContent(state, id))
  ifWritable(() => makeRoom(state))
  const kept = held.flatMap(({ id }) => (id !== undefined && hasContent(state, id) ? [id] : []))
  const crowdedOut = held.filter(({ id }) => id === undefined || !kept.includes(id))
  return {
    kept,
    lost: [...lost.values(), ...crowdedOut.map(({ entry }) => ({ path: entry.path, why: NO_ROOM }))],
    deleted: others.size,
  }
}

/**
 * Ignores errors. If nothing can be written, the next hook that can finds the paths gone and
 * removes the records.
 */
function ifWritable(change: () => void): void {
  try {
    change()
  } catch {
    return
  }
}
