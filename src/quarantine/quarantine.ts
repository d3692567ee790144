/**
 * The durable refusal: an output that was registered as valid before it could be judged leaves the store and is kept
 * for inspection. Nix, run again, finds no such path, builds it again and has it judged again.
 */
import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { FileError } from '../files/regular-file.ts'
import { runProgram } from '../files/run.ts'
import { parseStorePath } from '../formats/store-path.ts'
import { settle } from '../ledger/expected.ts'
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
import { withLock } from './lock.ts'
import { takeOut } from './take-out.ts'

const VERIFY_LIMIT = 600_000

/** Asks the store anew, over a connection that has seen nothing yet. */
export type OpenStore = () => Promise<Store>

/**
 * Takes these paths out of the store; ids of the entries that hold them. A path that the store no longer has as it was
 * judged (another hook was faster, or it was made again) is left alone. Throws FileError if the store still has one of
 * them afterwards.
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
    await finish(state, ids, openStore)
    return ids
  })
}

/** Finishes what a killed process began. True if there was anything. Costs one directory listing when there was not. */
export async function finishInterrupted(state: string, openStore: OpenStore): Promise<boolean> {
  if (listUnfinished(state).length === 0) return false
  await locked(state, () => finish(state, listUnfinished(state), openStore))
  return true
}

async function finish(state: string, ids: readonly string[], openStore: OpenStore): Promise<void> {
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
  if (moved.length > 0) await unregister(moved, openStore)
  for (const id of ids) {
    const entry = readEntry(state, id)
    // Judged and gone: not expected any longer. Before the mark is taken away, so that no kill leaves it behind.
    if (entry !== undefined) settle(state, parseStorePath(entry.path).digest)
    finishEntry(state, id)
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

/** Has Nix forget paths that are gone. The build's own temporary root keeps every other way from doing so. */
async function unregister(entries: readonly QuarantineEntry[], openStore: OpenStore): Promise<void> {
  const { status, stderr } = await runProgram('nix-store', ['--verify'], VERIFY_LIMIT)
  const left = []
  for (const entry of entries) if (await isStill(entry, openStore)) left.push(entry.path)
  if (left.length > 0) {
    const said = stderr.trim().split('\n').at(-1) ?? ''
    throw new FileError(`the store still lists ${left.join(', ')} (nix-store --verify: ${status}, ${said})`)
  }
}

function locked<T>(state: string, action: () => Promise<T>): Promise<T> {
  return withLock(join(quarantineDirectory(state), 'lock'), action)
}

/** Whether an entry's content is there, whole. */
export function hasContent(state: string, id: string): boolean {
  return lstatSync(join(entryDirectory(state, id), 'content'), { throwIfNoEntry: false }) !== undefined
}
