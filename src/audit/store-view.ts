/** The store as an audit sees it: by what is kept where its database is unchanged, else by asking. */
import type { PathInfo, Store } from '../store/store-client.ts'
import { databaseState, type Kept } from './kept.ts'
import { namedSignatures } from './later.ts'
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
  toKeep(): Pick<Kept, 'database' | 'names' | 'isWhole' | 'infos' | 'valid'>
}

/** Of what and how a view is made. */
export interface Viewing {
  readonly kept: Kept | undefined
  /** Nanoseconds since 1970, before anything was asked. */
  readonly begun: bigint
  /** Of keys, whose signatures are told. Called when it is first needed. */
  names(): ReadonlySet<string>
}

/** `store` is opened when it is first needed. */
export function viewStore(
  store: () => Promise<Pick<Store, 'pathInfos' | 'validPaths' | 'allValidPaths'>>,
  { kept, begun, names }: Viewing,
): StoreView {
  const state = databaseState(begun)
  const isSame = kept !== undefined && state !== undefined && kept.database === state
  const infos = new Map<string, Registered>()
  if (isSame) for (const info of kept.infos) infos.set(info.path, info)
  const valid = new Set(isSame ? kept.valid : [])
  const knows = (path: string): boolean => infos.has(path) || valid.has(path)
  let isWhole = isSame && kept.isWhole
  let isUnasked = isSame
  let listed: readonly string[] | undefined
  let told: ReadonlySet<string> | undefined
  /** What is kept has the signatures by some keys: for others the store is asked again. */
  const namesTold = (): ReadonlySet<string> => {
    if (told !== undefined) return told
    told = names()
    if (isSame && kept.names.join(' ') !== sorted(told).join(' ')) {
      for (const path of infos.keys()) valid.add(path)
      infos.clear()
      isWhole = listed !== undefined
    }
    return told
  }
  const asked = () => {
    isUnasked = false
    return store()
  }
  return {
    async allValid() {
      listed = isWhole ? [...infos.keys()] : await (await asked()).allValidPaths()
      isWhole = true
      return listed
    },
    async infosOf(paths) {
      const named = namesTold()
      const unknown = paths.filter(path => !infos.has(path))
      for (let at = 0; at < unknown.length; at += AT_ONCE)
        for (const info of await (await asked()).pathInfos(unknown.slice(at, at + AT_ONCE)))
          if (info !== undefined) infos.set(info.path, registered(info, named))
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
      names: sorted(namesTold()),
      // There may have been no time, or no room, to ask about all of them.
      isWhole: isWhole && (listed ?? []).every(path => infos.has(path)),
      infos: [...infos.values()],
      valid: [...valid].filter(path => !infos.has(path)),
    }),
  }
}

function sorted(names: ReadonlySet<string>): readonly string[] {
  return [...names].sort()
}

function registered(info: PathInfo, names: ReadonlySet<string>): Registered {
  const { path, narHash, narSize, references, registrationTime, ca } = info
  const signatures = namedSignatures(info.signatures, names)
  const isContentAddressed = ca !== undefined
  return { path, narHash, narSize, references, registrationTime, isContentAddressed, signatures }
}
