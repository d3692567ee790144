/**
 * A repository as users get it: `metadata/` and `targets/`. Everything is verified from its first
 * root on, each root by the one before and by itself; whether it has ended is for the caller.
 */
import { FileError } from '../../files/regular-file.ts'
import { targetFile } from '../../formats/lists/target-path.ts'
import type { TufKeys, TufRole } from '../../formats/lists/tuf-keys.ts'
import { METADATA_LIMITS, parseMetadata, type TufMetadata } from '../../formats/lists/tuf-metadata.ts'
import type {
  TufMeta,
  TufRoot,
  TufSnapshot,
  TufTargets,
  TufTimestamp,
} from '../../formats/lists/tuf-signed.ts'
import { signedBy } from '../../formats/lists/tuf-threshold.ts'
import { toHex } from '../../primitives/hex.ts'
import { sha256 } from '../../primitives/sodium.ts'
import { ROOT_LIMIT, readFirstRoot, readNextRoot } from '../tuf/root-chain.ts'
import { needWithin, readWithin } from './directory.ts'

/** The next step of a keeper whose directory is not as it was published. */
export const GET_NEWEST = 'next: get the newest state from the other keepers'

/** What was published. */
export interface Repository {
  /** SHA-256, lower-case hex, of the file of the first root: what the list is known by. */
  readonly fingerprint: string
  readonly root: TufMetadata<TufRoot>
  readonly timestamp: TufMetadata<TufTimestamp>
  readonly snapshot: TufMetadata<TufSnapshot>
  readonly targets: TufMetadata<TufTargets>
  /** By role: `team-NAME`. A team that has signed nothing yet is absent. */
  readonly teams: ReadonlyMap<string, TufMetadata<TufTargets>>
}

/**
 * Reads what a directory has in `metadata/`; undefined if no root is in it. Throws FileError
 * and FormatError for anything that is missing, not signed by enough, or not what the others say.
 */
export function readRepository(directory: string): Repository | undefined {
  const first = readWithin(directory, 'metadata/1.root.json', METADATA_LIMITS.root)
  if (first === undefined) return undefined
  const root = newestRoot(directory, first)
  const { keys, roles } = root.signed
  const timestamp = parseMetadata(file(directory, 'timestamp.json', METADATA_LIMITS.timestamp), 'timestamp')
  assertSigned('timestamp.json', timestamp, roles.timestamp, keys)
  const snapshotFile = metaFile('snapshot', timestamp.signed.snapshot)
  const snapshot = parseMetadata(file(directory, snapshotFile, METADATA_LIMITS.snapshot), 'snapshot')
  assertSigned(snapshotFile, snapshot, roles.snapshot, keys)
  assertVersion(snapshotFile, snapshot, timestamp.signed.snapshot)
  const read = (role: string, meta: TufMeta, signers: TufRole, keys: TufKeys) => {
    const name = metaFile(role, meta)
    const kind = role === 'targets' ? 'targets' : 'team'
    const metadata = parseMetadata(file(directory, name, METADATA_LIMITS.targets), kind)
    assertSigned(name, metadata, signers, keys)
    assertVersion(name, metadata, meta)
    return metadata
  }
  const meta = snapshot.signed.meta
  const targets = read('targets', meta.get('targets') ?? { version: 1 }, roles.targets, keys)
  const teams = new Map<string, TufMetadata<TufTargets>>()
  for (const delegation of targets.signed.delegations) {
    const listed = meta.get(delegation.name)
    if (listed !== undefined)
      teams.set(delegation.name, read(delegation.name, listed, delegation, targets.signed.keys))
  }
  return { fingerprint: toHex(sha256(first)), root, timestamp, snapshot, targets, teams }
}

/** The contents of a target. Throws FileError unless it is the file that the metadata names. */
export function readTarget(directory: string, targets: TufTargets, path: string): Uint8Array | undefined {
  const known = targets.targets.get(path)
  if (known === undefined) return undefined
  const name = targetFile(path, known.sha256)
  const bytes = needWithin(directory, name, known.length)
  if (bytes.length !== known.length || toHex(sha256(bytes)) !== known.sha256)
    throw new FileError(`${name} is not the file that was signed; ${GET_NEWEST}`)
  return bytes
}

/** The name of a metadata file below `metadata/`. */
export function metaFile(role: string, { version }: Pick<TufMeta, 'version'>): string {
  return role === 'timestamp' ? 'timestamp.json' : `${version}.${role}.json`
}

function newestRoot(directory: string, first: Uint8Array): TufMetadata<TufRoot> {
  let root = readFirstRoot(first)
  for (let version = 2; ; version++) {
    const bytes = readWithin(directory, `metadata/${version}.root.json`, METADATA_LIMITS.root)
    if (bytes === undefined) return root
    if (version > ROOT_LIMIT) throw new FileError(`there are more than ${ROOT_LIMIT} versions of root`)
    root = readNextRoot(root.signed, bytes)
  }
}

function file(directory: string, name: string, limit: number): Uint8Array {
  return needWithin(directory, `metadata/${name}`, limit)
}

function assertSigned(name: string, metadata: TufMetadata, role: TufRole, keys: TufKeys): void {
  const { by, threshold, isMet } = signedBy(metadata, role, keys)
  if (!isMet)
    throw new FileError(
      `${name} is signed by ${by.length} of its keys, and ${threshold} are needed; ${GET_NEWEST}`,
    )
}

function assertVersion(name: string, { signed }: TufMetadata, { version }: TufMeta): void {
  if (signed.version !== version)
    throw new FileError(
      `${name} has version ${signed.version}, and version ${version} was named; ${GET_NEWEST}`,
    )
}
