/**
 * What is signed in metadata of TUF 1.0, as far as lists use it: consistent snapshots, and
 * delegations by paths to roles `team-NAME` that do not delegate on. Attributes that TUF does not
 * know are ignored, as it demands; those that would change what a role may do are refused.
 */
import { printable } from '../../primitives/printable.ts'
import {
  fields,
  type JsonNode,
  listOf,
  malformed,
  namedNodes,
  positiveOf,
  rootNode,
  sha256Of,
  stringOf,
} from '../json/shape.ts'
import type { JsonValue } from '../json/strict.ts'
import { instantOf } from './document-fields.ts'
import { partDirectory, TEAM_ROLE, teamOfRole } from './names.ts'
import { isTargetPath } from './target-path.ts'
import { readTufKeys, readTufRole, type TufKeys, type TufRole } from './tuf-keys.ts'

/** The four roles of every repository. Delegated roles have metadata of the type `targets`. */
export const TOP_ROLES = ['root', 'targets', 'snapshot', 'timestamp'] as const
export type TopRole = (typeof TOP_ROLES)[number]

const TARGET_LIMIT = 50_000
/** Teams that were removed stay in a snapshot, because other clients refuse one that forgets them. */
const META_LIMIT = 256
const TEAM_LIMIT = 32
const PATTERN_LIMIT = 16
const LENGTH_LIMIT = 1024 * 1024 * 1024

interface Common {
  readonly version: number
  /** Seconds since 1970, exclusive: from then on the metadata has ended. */
  readonly expires: number
}

export interface TufRoot extends Common {
  readonly type: 'root'
  readonly keys: TufKeys
  readonly roles: Readonly<Record<TopRole, TufRole>>
}

/** What is known of a file, beforehand. */
export interface TufFile {
  /** Bytes. */
  readonly length: number
  /** Lower-case hex. */
  readonly sha256: string
}

/** What snapshot or timestamp metadata says of another metadata. */
export interface TufMeta {
  readonly version: number
  readonly length?: number
  readonly sha256?: string
}

export interface TufTimestamp extends Common {
  readonly type: 'timestamp'
  readonly snapshot: TufMeta
}

export interface TufSnapshot extends Common {
  readonly type: 'snapshot'
  /** By role: `targets`, which is always there, and `team-NAME`. */
  readonly meta: ReadonlyMap<string, TufMeta>
}

/** A role that speaks for the paths that its patterns match. In a pattern `*` matches no slash. */
export interface TufDelegation extends TufRole {
  readonly name: string
  readonly paths: readonly string[]
  readonly terminating: boolean
}

export interface TufTargets extends Common {
  readonly type: 'targets'
  /** By path: see target-path.ts. */
  readonly targets: ReadonlyMap<string, TufFile>
  readonly keys: TufKeys
  /** In order. Always empty in a team's metadata. */
  readonly delegations: readonly TufDelegation[]
}

export type TufSigned = TufRoot | TufTargets | TufSnapshot | TufTimestamp

/** Which metadata is read: that of a top role, or of a team. */
export type MetadataKind = TopRole | 'team'

/** The type that metadata of this kind names. */
export function typeOf(kind: MetadataKind): TopRole {
  return kind === 'team' ? 'targets' : kind
}

/** What is signed in metadata of each kind. */
export interface SignedOf {
  readonly root: TufRoot
  readonly targets: TufTargets
  readonly team: TufTargets
  readonly snapshot: TufSnapshot
  readonly timestamp: TufTimestamp
}

/**
 * Reads what is signed, without signatures. Throws FormatError unless it is of this kind.
 */
export function readSignedJson<Kind extends MetadataKind>(json: JsonValue, kind: Kind): SignedOf[Kind] {
  return readSigned(rootNode(`${kind} metadata`, json), kind)
}

const COMMON = ['_type', 'spec_version', 'version', 'expires'] as const

/** The same for a node of a document, so that errors name the place. */
export function readSigned<Kind extends MetadataKind>(node: JsonNode, kind: Kind): SignedOf[Kind] {
  return readKind(node, kind) as SignedOf[Kind]
}

function readKind(node: JsonNode, kind: MetadataKind): TufSigned {
  switch (kind) {
    case 'root':
      return readRoot(node)
    case 'targets':
    case 'team':
      return readTargets(node, kind)
    case 'snapshot':
      return readSnapshot(node)
    case 'timestamp':
      return readTimestampMetadata(node)
  }
}

function readCommon(parts: Readonly<Record<(typeof COMMON)[number], JsonNode>>, type: TopRole): Common {
  if (stringOf(parts._type) !== type) throw malformed(parts._type, `must be "${type}"`)
  if (!/^1\.0(?:\.\d{1,4})?$/.test(stringOf(parts.spec_version)))
    throw malformed(parts.spec_version, 'only TUF 1.0 is read')
  return { version: positiveOf(parts.version), expires: instantOf(parts.expires) }
}

function readRoot(node: JsonNode): TufRoot {
  const parts = fields(node, {
    required: [...COMMON, 'consistent_snapshot', 'keys', 'roles'],
    optional: [],
    others: 'ignore',
  })
  if (parts.consistent_snapshot.value !== true) throw malformed(parts.consistent_snapshot, 'must be true')
  const keys = readTufKeys(parts.keys)
  const roles = fields(parts.roles, { required: TOP_ROLES, optional: [], others: 'refuse' })
  const role = (name: TopRole) => {
    const parts = fields(roles[name], { required: ['keyids', 'threshold'], optional: [], others: 'ignore' })
    return readTufRole(parts, keys)
  }
  return {
    type: 'root',
    ...readCommon(parts, 'root'),
    keys,
    roles: {
      root: role('root'),
      targets: role('targets'),
      snapshot: role('snapshot'),
      timestamp: role('timestamp'),
    },
  }
}

function readTargets(node: JsonNode, kind: 'targets' | 'team'): TufTargets {
  const parts = fields(node, {
    required: [...COMMON, 'targets'],
    optional: ['delegations'],
    others: 'ignore',
  })
  const targets = new Map<string, TufFile>()
  for (const [path, entry] of namedNodes(parts.targets, TARGET_LIMIT)) {
    if (!isTargetPath(path)) throw malformed(parts.targets, `"${printable(path, 80)}" is not a safe path`)
    const { length, hashes } = fields(entry, {
      required: ['length', 'hashes'],
      optional: [],
      others: 'ignore',
    })
    targets.set(path, { length: lengthOf(length), sha256: readHashes(hashes) })
  }
  const delegated = readDelegations(parts.delegations)
  if (kind === 'team' && parts.delegations !== undefined && delegated.delegations.length > 0)
    throw malformed(parts.delegations, 'a team does not delegate on')
  return { type: 'targets', ...readCommon(parts, 'targets'), targets, ...delegated }
}

function readDelegations(node: JsonNode | undefined): Pick<TufTargets, 'keys' | 'delegations'> {
  if (node === undefined) return { keys: new Map(), delegations: [] }
  const parts = fields(node, { required: ['keys', 'roles'], optional: ['succinct_roles'], others: 'ignore' })
  if (parts.succinct_roles !== undefined)
    throw malformed(parts.succinct_roles, 'hash bins are not used by lists')
  const keys = readTufKeys(parts.keys)
  const delegations = listOf(parts.roles, TEAM_LIMIT).map(item => readDelegation(item, keys))
  if (new Set(delegations.map(({ name }) => name)).size < delegations.length)
    throw malformed(parts.roles, 'names a role twice')
  return { keys, delegations }
}

function readDelegation(node: JsonNode, keys: TufKeys): TufDelegation {
  const parts = fields(node, {
    required: ['name', 'keyids', 'threshold', 'terminating', 'paths'],
    optional: ['path_hash_prefixes'],
    others: 'ignore',
  })
  if (parts.path_hash_prefixes !== undefined)
    throw malformed(parts.path_hash_prefixes, 'roles of lists have paths alone')
  const name = stringOf(parts.name)
  if (!TEAM_ROLE.test(name)) throw malformed(parts.name, 'must be team-NAME')
  const terminating = parts.terminating.value
  if (typeof terminating !== 'boolean') throw malformed(parts.terminating, 'must be true or false')
  const paths = listOf(parts.paths, PATTERN_LIMIT).map(item => patternOf(item, name))
  if (paths.length === 0) throw malformed(parts.paths, 'has no path')
  return { name, ...readTufRole(parts, keys), terminating, paths }
}

/** A team speaks for files below its own directory alone. */
function patternOf(node: JsonNode, role: string): string {
  const pattern = stringOf(node)
  const directory = partDirectory(teamOfRole(role))
  if (!pattern.startsWith(directory) || !isTargetPath(pattern.replaceAll('*', 'x')))
    throw malformed(node, `must be below ${directory}`)
  return pattern
}

function readSnapshot(node: JsonNode): TufSnapshot {
  const parts = fields(node, { required: [...COMMON, 'meta'], optional: [], others: 'ignore' })
  const meta = new Map<string, TufMeta>()
  for (const [file, entry] of namedNodes(parts.meta, META_LIMIT)) {
    const role = file.replace(/\.json$/, '')
    if (role === file || (role !== 'targets' && !TEAM_ROLE.test(role)))
      throw malformed(parts.meta, `"${printable(file, 80)}" is neither targets.json nor that of a team`)
    meta.set(role, readMeta(entry))
  }
  if (!meta.has('targets')) throw malformed(parts.meta, 'targets.json is missing')
  return { type: 'snapshot', ...readCommon(parts, 'snapshot'), meta }
}

function readTimestampMetadata(node: JsonNode): TufTimestamp {
  const parts = fields(node, { required: [...COMMON, 'meta'], optional: [], others: 'ignore' })
  const meta = fields(parts.meta, { required: ['snapshot.json'], optional: [], others: 'refuse' })
  return { type: 'timestamp', ...readCommon(parts, 'timestamp'), snapshot: readMeta(meta['snapshot.json']) }
}

function readMeta(node: JsonNode): TufMeta {
  const parts = fields(node, { required: ['version'], optional: ['length', 'hashes'], others: 'ignore' })
  return {
    version: positiveOf(parts.version),
    ...(parts.length !== undefined && { length: lengthOf(parts.length) }),
    ...(parts.hashes !== undefined && { sha256: readHashes(parts.hashes) }),
  }
}

/**
 * The SHA-256 among hashes. Others only have to be hexadecimal; whoever checks them all fails closed.
 */
function readHashes(node: JsonNode): string {
  for (const [, hash] of namedNodes(node, 8)) {
    if (!/^(?:[0-9a-f]{2}){16,64}$/.test(stringOf(hash)))
      throw malformed(hash, 'must be lower-case hexadecimal digits')
  }
  return sha256Of(fields(node, { required: ['sha256'], optional: [], others: 'ignore' }).sha256)
}

function lengthOf(node: JsonNode): number {
  const { value } = node
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0 || value > LENGTH_LIMIT)
    throw malformed(node, `must be an integer from 0 to ${LENGTH_LIMIT}`)
  return value
}
