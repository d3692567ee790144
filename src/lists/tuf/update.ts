import { FileError } from '../../files/regular-file.ts'
import { targetFile } from '../../formats/lists/target-path.ts'
import { METADATA_LIMITS } from '../../formats/lists/tuf-metadata.ts'
import type { TufFile, TufRoot, TufTargets } from '../../formats/lists/tuf-signed.ts'
import { signedBy } from '../../formats/lists/tuf-threshold.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { toHex } from '../../primitives/hex.ts'
import { printable } from '../../primitives/printable.ts'
import { sha256 } from '../../primitives/sodium.ts'
import { Floor } from './floor.ts'
import { newestRoot, readState, type TufState } from './refresh.ts'
import { readFirstRoot } from './root-chain.ts'
import { boundedSource, readFirstRootFile, type TufSource, UPDATE_LIMITS } from './source.ts'
import type { TufStore } from './store.ts'

/** How a user says on which root trust in a list begins. Lower-case hex. */
export type FirstRoot =
  /** SHA-256 of the file `1.root.json`. */
  | { readonly sha256: string }
  /** Ids of root keys, all of which have to have signed it: see tufKeyId. At least one. */
  | { readonly keys: readonly string[] }

/**
 * Begins with the first root of a list: fetches it, compares it with what the user said, and keeps
 * it. Throws FileError and FormatError; then nothing was kept.
 */
export async function beginTrust(store: TufStore, source: TufSource, wanted: FirstRoot): Promise<void> {
  if (store.root() !== undefined) throw new FileError('it has a first root already')
  const bytes = await readFirstRootFile(source)
  const found = toHex(sha256(bytes))
  if ('sha256' in wanted && found !== wanted.sha256)
    throw new FileError(`its first root has the SHA-256 ${found}, and not ${printable(wanted.sha256)}`)
  const root = readFirstRoot(bytes)
  if ('keys' in wanted) {
    const { by } = signedBy(root, root.signed.roles.root, root.signed.keys)
    const missing = wanted.keys.find(id => !by.includes(id))
    if (missing !== undefined || wanted.keys.length === 0)
      throw new FileError(`its first root is not signed by the key ${printable(missing ?? 'that was meant')}`)
  }
  store.keepRoot(1, bytes)
}

/** A state of a list that was read and verified. */
export interface ReadList extends TufState {
  /**
   * A target by its path, from the list's own role or the team whose path it is; undefined if
   * neither has it. Throws FileError unless it is the file that was signed.
   */
  readonly target: (path: string) => Promise<Uint8Array | undefined>
}

/** The newest state, which is not accepted yet. */
export interface Candidate extends ReadList {
  /** Keeps it as the state that was accepted, durably, and removes what the one before left. */
  readonly accept: () => void
  /** Keeps it, durably, as the state that waits beside the accepted one. */
  readonly postpone: (accepted: TufState | undefined) => void
}

/**
 * Reads and verifies the newest state. New roots and the floor are kept at once; the state when it
 * is accepted. `now`: seconds since 1970. The caller holds the list's lock. Throws FileError and
 * FormatError; what was accepted before stays.
 */
export async function readNewest(store: TufStore, source: TufSource, now: number): Promise<Candidate> {
  const trusted = store.root()
  if (trusted === undefined) throw noRoot()
  const bounded = boundedSource(source, UPDATE_LIMITS)
  const floor = store.floor().at(now)
  store.keepFloor(floor)
  const root = await newestRoot(trusted, bounded, store.keepRoot)
  const onFloor = store.keepFloor
  const state = await readState(root, bounded, { floor, onFloor, ends: 'must not be over', now })
  const { assertSecondReaderAgrees } = await import('./second-reader.ts')
  await assertSecondReaderAgrees(store.rootFile, state, now)
  return {
    ...state,
    target: async path => {
      const known = fileOf(state, path)
      return known && (await readTarget(path, known, bounded, store))
    },
    accept: () => {
      store.keepMetadata(state.files)
      store.prune(new Set(filesOf(state, 'metadata')))
    },
    postpone: accepted => {
      store.keepWaiting(state.files)
      const before = accepted === undefined ? [] : filesOf(accepted, 'metadata')
      store.prune(new Set([...before, ...filesOf(state, 'waiting/metadata')]))
    },
  }
}

/** The files of a state below a store's directory. */
function filesOf({ files, targets, teams }: TufState, metadata: string): readonly string[] {
  const roles = [targets, ...teams.values()]
  return [
    ...[...files.keys()].map(name => `${metadata}/${name}`),
    ...roles.flatMap(role => [...role.targets].map(([path, file]) => targetFile(path, file.sha256))),
  ]
}

/** A state that is kept here, and whether a newer root has withdrawn the keys that signed it. */
export interface KeptList extends ReadList {
  readonly isWithdrawn: boolean
}

/**
 * Reads the state that was accepted last, whether it has ended or not, and also if the list's keepers
 * have withdrawn the keys that signed it: until another state is accepted, it is the one in force.
 * Undefined if nothing was accepted yet. Throws FileError and FormatError if it is damaged.
 */
export async function readInForce(store: TufStore): Promise<KeptList | undefined> {
  const timestamp = await store.source.read('metadata/timestamp.json', METADATA_LIMITS.timestamp)
  const roots = store.roots()
  if (timestamp === undefined) return undefined
  let first: unknown
  for (const [age, root] of roots.entries()) {
    try {
      return { ...(await readKept(root, store.source, store.floor())), isWithdrawn: age > 0 }
    } catch (error) {
      first ??= error
    }
  }
  throw first ?? noRoot()
}

function noRoot(): FileError {
  return new FileError('it has no first root yet; next: subscribe to the list with nixsig trust subscribe')
}

/** Reads the state that waits; undefined if nothing waits, or what waits does not count any more. */
export async function readWaiting(store: TufStore): Promise<ReadList | undefined> {
  const root = store.root()
  const timestamp = await store.waiting.read('metadata/timestamp.json', METADATA_LIMITS.timestamp)
  if (root === undefined || timestamp === undefined) return undefined
  try {
    return await readKept(root, store.waiting, store.floor())
  } catch (error) {
    // The next update fetches it again.
    if (error instanceof FileError || error instanceof FormatError) return undefined
    throw error
  }
}

/** Teams that ended since are lapsed. */
async function readKept(root: TufRoot, source: TufSource, { seen }: Floor): Promise<ReadList> {
  const state = await readState(root, source, {
    floor: new Floor(seen),
    onFloor: () => undefined,
    ends: 'may be over',
  })
  return {
    ...state,
    target: async path => {
      const known = fileOf(state, path)
      return known && needTarget(path, known, source)
    },
  }
}

/** The list's own role first; then the one team whose directory it is. */
function fileOf({ targets, teams }: Pick<TufState, 'targets' | 'teams'>, path: string): TufFile | undefined {
  const roles: readonly TufTargets[] = [targets, ...teams.values()]
  return roles.map(role => role.targets.get(path)).find(file => file !== undefined)
}

async function readTarget(
  path: string,
  known: TufFile,
  source: TufSource,
  store: TufStore,
): Promise<Uint8Array> {
  const name = targetFile(path, known.sha256)
  const kept = await store.source.read(name, known.length).catch(() => undefined)
  if (kept !== undefined && isSigned(kept, known)) return kept
  const bytes = await needTarget(path, known, source)
  store.keepTarget(name, bytes)
  return bytes
}

async function needTarget(path: string, known: TufFile, source: TufSource): Promise<Uint8Array> {
  const name = targetFile(path, known.sha256)
  const bytes = await source.read(name, known.length)
  if (bytes === undefined) throw new FileError(`${name} is absent`)
  if (!isSigned(bytes, known)) throw new FileError(`${name} is not the file that was signed`)
  return bytes
}

function isSigned(bytes: Uint8Array, { length, sha256: digest }: TufFile): boolean {
  return bytes.length === length && toHex(sha256(bytes)) === digest
}
