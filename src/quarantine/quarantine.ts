/**
 * The durable refusal: an output that was registered as valid before it could be judged leaves the store and is kept
 * for inspection. Nix, run again, finds no such path, builds it again and has it judged again.
 */
import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { withLock } from '../files/lock.ts'
import { FileError } from '../files/regular-file.ts'
import { runProgram } from '../files/run.ts'
import { parseStorePath } from '../formats/nix/store-path.ts'
import { settle } from '../ledger/expected.ts'
import { printable } from '../primitives/printable.ts'
import type { Store } from '../store/store-client.ts'
import {
  createEntry,
  entryDirectory,
  finishEntry,
  listUnfinished,
  type QuarantineEntry,
  quarantineDirectory,
  readEntry,
  removeEntry,
} from './entries.ts'
import { takeOut } from './take-out.ts'

/** Milliseconds for Nix to forget paths that are gone: the build's own temporary root keeps every other way from that. */
const VERIFY_LIMIT = 600_000

/** Asks the store anew, over a connection that has seen nothing yet. */
export type OpenStore = () => Promise<Store>

/**
 * Takes these paths out of the store, and whatever refers to them, for Nix forgets no path that another one needs; ids
 * of the entries that hold them. A path that the store no longer has as it was judged (another hook was faster, or it
 * was made again) is left alone. Throws FileError if the store still has one of them afterwards.
 */
export async function quarantine(
  state: string,
  entries: readonly QuarantineEntry[],
  openStore: OpenStore,
): Promise<readonly string[]> {
  return locked(state, async () => {
    const ids: string[] = []
    for (const entry of entries) {
      if (await isStill(entry, openStore)) ids.push(createEntry(state, entry))
    }
    return finish(state, ids, openStore)
  })
}

/** Finishes what a killed process began. True if there was anything. Costs one directory listing when there was not. */
export async function finishInterrupted(state: string, openStore: OpenStore): Promise<boolean> {
  if (!hasUnfinished(state)) return false
  await locked(state, () => finish(state, listUnfinished(state), openStore))
  return true
}

/** Whether there is any. */
export function hasUnfinished(state: string): boolean {
  return listUnfinished(state).length > 0
}

/** Anybody can make a path that refers to a valid one, also while this goes on: so many times they are looked for. */
const ROUNDS = 8

/** Finishes these entries; their ids, and those of the entries for what referred to them. */
async function finish(
  state: string,
  ids: readonly string[],
  openStore: OpenStore,
): Promise<readonly string[]> {
  const all = [...ids]
  for (let round = 1; ; round++) {
    const moved = await takeAllOut(state, all, openStore)
    if (moved.length === 0) break
    const { status, stderr } = await runProgram('nix-store', ['--verify'], VERIFY_LIMIT)
    const left = await stillThere(moved, openStore)
    if (left.length === 0) break
    const holders = await holdersOf(left, openStore)
    if (holders.length === 0 || round === ROUNDS) {
      const paths = left.map(({ path }) => path).join(', ')
      const said = printable(stderr.trim().split('\n').at(-1) ?? '')
      throw new FileError(`the store still lists ${paths} (nix-store --verify: ${status}, ${said})`)
    }
    for (const holder of holders) all.push(createEntry(state, holder))
  }
  for (const id of all) {
    const entry = readEntry(state, id)
    // Judged and gone: not expected any longer. Before the mark is taken away, so that no kill leaves it behind.
    if (entry !== undefined) settle(state, parseStorePath(entry.path).digest)
    finishEntry(state, id)
  }
  return all
}

/** Moves what the store still has of these entries; the entries of all that Nix has to forget now. */
async function takeAllOut(
  state: string,
  ids: readonly string[],
  openStore: OpenStore,
): Promise<readonly QuarantineEntry[]> {
  const moved: QuarantineEntry[] = []
  for (const id of ids) {
    const entry = readEntry(state, id)
    if (entry === undefined) {
      // Killed before the entry was written, and so before anything was moved.
      removeEntry(state, id)
      continue
    }
    if (await isStill(entry, openStore)) {
      await takeOut(entry.path, entryDirectory(state, id))
      moved.push(entry)
    }
  }
  return moved
}

async function stillThere(
  entries: readonly QuarantineEntry[],
  openStore: OpenStore,
): Promise<readonly QuarantineEntry[]> {
  const left: QuarantineEntry[] = []
  for (const entry of entries) if (await isStill(entry, openStore)) left.push(entry)
  return left
}

/** Entries for all valid paths that refer to these, near or far, and are none of them. */
async function holdersOf(
  entries: readonly QuarantineEntry[],
  openStore: OpenStore,
): Promise<readonly QuarantineEntry[]> {
  const store = await openStore()
  try {
    const seen = new Map(entries.map(entry => [entry.path, entry]))
    const holders: QuarantineEntry[] = []
    for (const [path, held] of seen) {
      for (const referrer of await store.referrers(path)) {
        const info = seen.has(referrer) ? undefined : await store.pathInfo(referrer)
        if (info === undefined) continue
        const { narHash, narSize, references, registrationTime: registered } = info
        const reason = `refers to ${held.path}, which was refused`
        const holder = { ...held, path: referrer, narHash, narSize, references, registered, reason }
        seen.set(referrer, holder)
        holders.push(holder)
      }
    }
    return holders
  } finally {
    store.close()
  }
}

/** Whether the store has a path as valid in the very making that was judged. */
async function isStill(entry: QuarantineEntry, openStore: OpenStore): Promise<boolean> {
  const store = await openStore()
  try {
    const info = await store.pathInfo(entry.path)
    return info?.narHash === entry.narHash && info.registrationTime === entry.registered
  } finally {
    store.close()
  }
}

function locked<T>(state: string, action: () => Promise<T>): Promise<T> {
  return withLock(join(quarantineDirectory(state), 'lock'), action)
}

/** Whether an entry's content is there, whole. */
export function hasContent(state: string, id: string): boolean {
  return lstatSync(join(entryDirectory(state, id), 'content'), { throwIfNoEntry: false }) !== undefined
}
