/** What paths are to others on this machine. */
import { runningSystems } from '../status/in-use.ts'
import { openStore } from '../store/store-client.ts'
import { type Usages, usagesOf } from './usage.ts'

/** Asks the store of this machine, and Nix for what it keeps. Throws StoreError. */
export async function usagesHere(paths: readonly string[]): Promise<Usages> {
  if (paths.length === 0) return { usages: [], isComplete: true }
  const store = await openStore()
  try {
    return await usagesOf(store, paths, new Set(runningSystems()))
  } finally {
    store.close()
  }
}
