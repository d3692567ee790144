import type { Store } from '../store/store-client.ts'
import type { QuarantineEntry } from './entry.ts'

/** Asks the store anew, over a connection that has seen nothing yet. */
export type OpenStore = () => Promise<Store>

/** Those of these that the store has as valid in the very making that was judged. */
export function stillValid(
  entries: readonly QuarantineEntry[],
  openStore: OpenStore,
): Promise<readonly QuarantineEntry[]> {
  return withStore(openStore, store => stillValidIn(store, entries))
}

/** The same over a connection that is open, with which nobody has asked before what changed since. */
export async function stillValidIn(
  store: Store,
  entries: readonly QuarantineEntry[],
): Promise<readonly QuarantineEntry[]> {
  if (entries.length === 0) return []
  const valid = await store.validPaths(entries.map(({ path }) => path))
  const still: QuarantineEntry[] = []
  for (const entry of entries) {
    const info = valid.has(entry.path) ? await store.pathInfo(entry.path) : undefined
    if (info?.narHash === entry.narHash && info.registrationTime === entry.registered) still.push(entry)
  }
  return still
}

/** Opens the store for something, and closes it. */
export async function withStore<T>(openStore: OpenStore, use: (store: Store) => Promise<T>): Promise<T> {
  const store = await openStore()
  try {
    return await use(store)
  } finally {
    store.close()
  }
}
