/**
 * Makes a refusal durable: an output that was registered as valid before it could be judged leaves
 * the store and is kept for inspection. When Nix runs again, it does not find the path, builds it
 * again and has it judged again.
 */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { canBeLocked, withLockIfFree } from '../files/lock.ts'
import { FileError } from '../files/regular-file.ts'
import { LONGEST } from '../store/writable-store.ts'
import { keepersOf, type Marked, markAll, readMarked, withdraw, withoutDoubles } from './enter.ts'
import { isFinished, listUnfinished, quarantineDirectory } from './entries.ts'
import type { QuarantineEntry } from './entry.ts'
import { type OpenStore, stillValid } from './still-valid.ts'
import { type Effort, NOTHING_TAKEN, type TakenOut, takeAllOut } from './take-all-out.ts'
import { hasUnfinished, rest } from './unfinished.ts'

export type { OpenStore } from './still-valid.ts'
export type { TakenOut } from './take-all-out.ts'
export type { Lost } from './take-out.ts'

/**
 * How long to wait for other processes to finish, and the interval between two checks;
 * milliseconds.
 */
const TURN_LIMIT = 60_000
const TURN_INTERVAL = 50

/** The effort for the outputs of the hook's own build, and for what others left. */
const OWN: Effort = { patience: LONGEST, rounds: 8, forgetting: 600_000 }
const OTHERS: Effort = { patience: 10_000, rounds: 2, forgetting: 10_000 }

/** The most entries left by others that one hook finishes. */
const OTHERS_AT_ONCE = 1024

/** The lock file if the state directory has no room for one. */
const LOCK_ELSEWHERE = '/run/nixsig/quarantine.lock'

/**
 * Takes these paths out of the store, with everything that refers to them, because Nix forgets no
 * path that another one needs. A path that is no longer registered as it was judged (another hook
 * was faster, or it was made again) is left alone. What the quarantine cannot keep is deleted.
 * Throws FileError if the store still has one of the paths afterwards, or if another process that
 * takes paths out does not finish in time; then the next hook goes on.
 */
export async function quarantine(
  state: string,
  entries: readonly QuarantineEntry[],
  openStore: OpenStore,
): Promise<TakenOut> {
  const still = await stillValid(entries, openStore)
  if (still.length === 0) return NOTHING_TAKEN
  const begun = begunIn(state)
  const marked = await markAll(state, still, begun)
  const ids = marked.flatMap(({ id }) => id ?? [])
  const own = marked.filter(({ id }) => id !== undefined && !begun.includes(id))
  const lock = lockOf(state)
  for (const end = performance.now() + TURN_LIMIT; ; await sleep(TURN_INTERVAL)) {
    const done = await withLockIfFree(lock, () => takeOutOnce(state, { still, own }, openStore))
    if (done !== undefined) return done.value
    // The previous holder of the lock may have done it already.
    if (ids.length === marked.length && ids.every(id => isFinished(state, id)))
      return { ...NOTHING_TAKEN, kept: keepersOf(state, still) }
    if (performance.now() > end)
      throw new FileError('another process takes paths out of the store: the next hook takes these out')
  }
}

/**
 * Does the work while holding the lock. The previous holder may have taken the same paths out for a
 * reason of its own, which stays. In that case the entries that were written here while waiting are
 * removed.
 */
async function takeOutOnce(
  state: string,
  { still, own }: { readonly still: readonly QuarantineEntry[]; readonly own: readonly Marked[] },
  openStore: OpenStore,
): Promise<TakenOut> {
  const left = await stillValid(still, openStore)
  const gone = still.filter(entry => !left.includes(entry))
  withdraw(
    state,
    own.filter(({ entry }) => gone.includes(entry)),
  )
  const keepers = gone.length === 0 ? [] : keepersOf(state, gone)
  if (left.length === 0) return { ...NOTHING_TAKEN, kept: keepers }
  const taken = await takeMarked(state, await markAll(state, left, begunIn(state)), {
    openStore,
    effort: OWN,
  })
  return { ...taken, kept: [...new Set([...keepers, ...taken.kept])] }
}

/** Takes out what is marked, with one entry for each registration. */
function takeMarked(
  state: string,
  marked: readonly Marked[],
  { openStore, effort }: { readonly openStore: OpenStore; readonly effort: Effort },
): Promise<TakenOut> {
  return restingAfter(state, takeAllOut(state, withoutDoubles(state, marked), openStore, effort))
}

/**
 * Takes out what another build made, in a hook that is concerned with something else: with less
 * effort than `quarantine`, and without waiting. Throws FileError if it would have to wait, and
 * then nothing was done.
 */
export async function quarantineForOthers(
  state: string,
  entries: readonly QuarantineEntry[],
  openStore: OpenStore,
): Promise<TakenOut> {
  const done = await withLockIfFree(lockOf(state), async () => {
    const still = await stillValid(entries, openStore)
    if (still.length === 0) return NOTHING_TAKEN
    const marked = await markAll(state, still, begunIn(state))
    return takeMarked(state, marked, { openStore, effort: OTHERS })
  })
  if (done === undefined) throw new FileError('another process takes paths out: a later hook goes on')
  return done.value
}

/**
 * Finishes what a killed process began. Never waits: returns undefined if there was nothing to
 * finish, if another process is doing it now, or if it failed a moment ago. Costs one directory
 * listing then. Throws FileError.
 */
export async function finishInterrupted(state: string, openStore: OpenStore): Promise<TakenOut | undefined> {
  if (!hasUnfinished(state)) return undefined
  const done = await withLockIfFree(lockOf(state), () => {
    const ids = begunIn(state)
    return takeMarked(state, readMarked(state, ids), { openStore, effort: OTHERS })
  })
  return done?.value
}

/**
 * Whether it cannot be finished right now, because another process takes paths out of the store.
 */
export async function mustWait(state: string): Promise<boolean> {
  return (await withLockIfFree(lockOf(state), async () => true)) === undefined
}

function begunIn(state: string): readonly string[] {
  return listUnfinished(state).slice(0, OTHERS_AT_ONCE)
}

function lockOf(state: string): string {
  const usual = join(quarantineDirectory(state), 'lock')
  return canBeLocked(usual) ? usual : LOCK_ELSEWHERE
}

/**
 * Notes a failure, so that hooks of other builds do not repeat again and again what cannot be
 * finished.
 */
async function restingAfter<T>(state: string, taking: Promise<T>): Promise<T> {
  try {
    return await taking
  } catch (error) {
    rest(state)
    throw error
  }
}
