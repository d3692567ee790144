/** The store as an audit sees it: by what is kept where its database is unchanged, else by asking. */
import type { PathInfo, Store } from '../store/store-client.ts'
import { databaseState, type Kept } from './kept.ts'
import type { Registered } from './member.ts'

/** How many paths the store is asked about together. */
const AT_ONCE = 16_384

/** What is asked. Throws StoreError. */
export interface StoreView {
  allValid(): Promise<readonly string[]>
  infosOf(paths: readonly string[]): Promise<readonly (Registered | undefined)[]>
  /** Whether a path is known to be valid, without asking. */
  knows(path: string): boolean
  /** Which of these are valid. */
  validAmong(paths: readonly string[]): Promise<ReadonlySet<string>>
  /** Whether everything was answered by what is kept. */
  isUnasked(): boolean
  /** What may be kept of its answers. */
  toKeep(): Pick<Kept, 'database' | 'isWhole' | 'infos' | 'valid'>
}

/** `store` is opened when it is first needed. `begun`: nanoseconds since 1970, before anything was asked. */
export function viewStore(
  store: () => Promise<Pick<Store, 'pathInfos' | 'validPaths' | 'allValidPaths'>>,
  kept: Kept | undefined,
  begun: bigint,
): StoreView {
  const state = databaseState(begun)
  const isSame = kept !== undefined && state !== undefined && kept.database === state
  const infos = new Map<string, Registered>()
  if (isSame) for (const info of kept.infos) infos.set(info.path, info)
  const valid = new Set(isSame ? kept.valid : [])
  const knows = (path: string): boolean => infos.has(path) || valid.has(path)
  let isWhole = isSame && kept.isWhole
  let isUnasked = isSame
  const asked = () => {
    isUnasked = false
    return store()
  }
  return {
    async allValid() {
      if (isWhole) return [...infos.keys()]
      const all = await (await asked()).allValidPaths()
      isWhole = true
      return all
    },
    async infosOf(paths) {
      const unknown = paths.filter(path => !infos.has(path))
      for (let at = 0; at < unknown.length; at += AT_ONCE)
        for (const info of await (await asked()).pathInfos(unknown.slice(at, at + AT_ONCE)))
          if (info !== undefined) infos.set(info.path, registered(info))
      return paths.map(path => infos.get(path))
    },
    async validAmong(paths) {
      const unknown = paths.filter(path => !knows(path))
      for (let at = 0; at < unknown.length; at += AT_ONCE)
        for (const path of await (await asked()).validPaths(unknown.slice(at, at + AT_ONCE))) valid.add(path)
      return new Set(paths.filter(knows))
    },
    knows,
    isUnasked: () => isUnasked,
    toKeep: () => ({
      // Nothing may have changed while it was asked.
      database: state !== undefined && databaseState(begun) === state ? state : undefined,
      isWhole,
      infos: [...infos.values()],
      valid: [...valid],
    }),
  }
}

function registered({ path, narHash, narSize, references, registrationTime, ca }: PathInfo): Registered {
  return { path, narHash, narSize, references, registrationTime, isContentAddressed: ca !== undefined }
}
