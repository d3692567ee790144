/** What paths are to others on this machine. */
import { pathsInUse } from '../status/in-use.ts'
import { openStore } from '../store/store-client.ts'
import { type Usages, usagesOf } from './usage.ts'

/** Asks the store of this machine; `patience` in milliseconds, for following what is in use. */
export async function usagesHere(paths: readonly string[], patience: number): Promise<Usages> {
  if (paths.length === 0) return { usages: [], isComplete: true }
  const store = await openStore()
  try {
    return await usagesOf(store, paths, pathsInUse(performance.now() + patience))
  } finally {
    store.close()
  }
}
