import type { Store } from '../store/store-client.ts'
import type { QuarantineEntry } from './entry.ts'

/** Opens a new connection to the store, which has cached nothing yet. */
export type OpenStore = () => Promise<Store>

/** Returns those entries whose path is valid in the store with the registration that was judged. */
export function stillValid(
  entries: readonly QuarantineEntry[],
  openStore: OpenStore,
): Promise<readonly QuarantineEntry[]> {
  return withStore(openStore, store => stillValidIn(store, entries))
}

/**
 * Does what `stillValid` does over an open connection, which must not have asked about these paths
 * before.
 */
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

/** Opens the store for one use and closes it afterwards. */
export async function withStore<T>(openStore: OpenStore, use: (store: Store) => Promise<T>): Promise<T> {
  const store = await openStore()
  try {
    return await use(store)
  } finally {
    store.close()
  }
}
