/** The store as an audit sees it: by what is kept where its database is unchanged, else by asking. */
import type { PathInfo, Store } from '../store/store-client.ts'
import { databaseState, type Kept } from './kept.ts'
import { namedSignatures } from './later.ts'
import type { Registered } from './member.ts'

/** How many paths the store is asked about together. */
const AT_ONCE = 4096

/** What is asked. Throws StoreError. */
export interface StoreView {
  allValid(): Promise<readonly string[]>
  infosOf(paths: readonly string[]): Promise<readonly (Registered | undefined)[]>
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
  /** Of keys, whose signatures are told. */
  readonly names: ReadonlySet<string>
}

/** `store` is opened when it is first needed. */
export function viewStore(
  store: () => Promise<Pick<Store, 'pathInfos' | 'validPaths' | 'allValidPaths'>>,
  { kept, begun, names }: Viewing,
): StoreView {
  const state = databaseState(begun)
  const listed = [...names].sort()
  const isSame =
    kept !== undefined &&
    state !== undefined &&
    kept.database === state &&
    kept.names.join(' ') === listed.join(' ')
  const infos = new Map(isSame ? kept.infos.map(info => [info.path, info] as const) : [])
  const valid = new Set(isSame ? kept.valid : [])
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
          if (info !== undefined) infos.set(info.path, registered(info, names))
      return paths.map(path => infos.get(path))
    },
    async validAmong(paths) {
      const unknown = paths.filter(path => !infos.has(path) && !valid.has(path))
      for (let at = 0; at < unknown.length; at += AT_ONCE)
        for (const path of await (await asked()).validPaths(unknown.slice(at, at + AT_ONCE))) valid.add(path)
      return new Set(paths.filter(path => infos.has(path) || valid.has(path)))
    },
    isUnasked: () => isUnasked,
    toKeep: () => ({
      // Nothing may have changed while it was asked.
      database: state !== undefined && databaseState(begun) === state ? state : undefined,
      names: listed,
      isWhole,
      infos: [...infos.values()],
      valid: [...valid],
    }),
  }
}

function registered(info: PathInfo, names: ReadonlySet<string>): Registered {
  const { path, narHash, narSize, references, registrationTime, ca } = info
  const signatures = namedSignatures(info.signatures, names)
  const isContentAddressed = ca !== undefined
  return { path, narHash, narSize, references, registrationTime, isContentAddressed, signatures }
}
