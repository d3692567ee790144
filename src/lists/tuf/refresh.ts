/**
 * The client's part of TUF 1.0 (section 5), in the order that it gives: roots, timestamp, snapshot,
 * targets, teams. It is in our own words on our strict readers, and believes no file until enough
 * keys have signed it.
 */
import { FileError } from '../../files/regular-file.ts'
import type { TufKeys, TufRole } from '../../formats/lists/tuf-keys.ts'
import { METADATA_LIMITS, parseMetadata } from '../../formats/lists/tuf-metadata.ts'
import {
  type MetadataKind,
  type TufDelegation,
  type TufMeta,
  type TufRoot,
  type TufSigned,
  type TufSnapshot,
  type TufTargets,
  typeOf,
} from '../../formats/lists/tuf-signed.ts'
import { signedBy } from '../../formats/lists/tuf-threshold.ts'
import { printTimestamp } from '../../formats/timestamp.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { toHex } from '../../primitives/hex.ts'
import { sha256 } from '../../primitives/sodium.ts'
import type { Floor } from './floor.ts'
import { ROOT_LIMIT, readNextRoot } from './root-chain.ts'
import type { TufSource } from './source.ts'

/** How a state is read. */
export interface Reading {
  /** What was seen before; it has the time that counts. */
  readonly floor: Floor
  /** Called whenever the floor has risen, so that it can be kept. */
  readonly onFloor: (floor: Floor) => void
  /** Whether the state has to be in force now, or is one that was read before. Teams end in both. */
  readonly ends: 'must not be over' | 'may be over'
  /** What this machine's clock says, if that matters for the words of a refusal. */
  readonly now?: number
}

/** One state of a list, all parts of which belong together. */
export interface TufState {
  readonly root: TufRoot
  readonly targets: TufTargets
  /** By role, `team-NAME`: those that are in force. */
  readonly teams: ReadonlyMap<string, TufTargets>
  /** Teams that count for nothing, each with the reason. */
  readonly lapsed: ReadonlyMap<string, string>
  /** Seconds since 1970: the earliest end of root, timestamp, snapshot and targets. */
  readonly ends: number
  /** The earliest end of root, timestamp and snapshot: until then it is known to be the newest. */
  readonly newestUntil: number
  /** The files below `metadata/` by name, without those of root, `timestamp.json` last. */
  readonly files: ReadonlyMap<string, Uint8Array>
}

/**
 * Follows the roots from a trusted one to the newest. An old root may have ended. Calls `onRoot`
 * with each that follows, verified, in their order. Throws FileError and FormatError.
 */
export async function newestRoot(
  trusted: TufRoot,
  source: TufSource,
  onRoot: (version: number, bytes: Uint8Array) => void,
): Promise<TufRoot> {
  let root = trusted
  for (;;) {
    const version = root.version + 1
    const bytes = await source.read(`metadata/${version}.root.json`, METADATA_LIMITS.root)
    if (bytes === undefined) return root
    if (version > ROOT_LIMIT) throw new FileError(`there are more than ${ROOT_LIMIT} versions of root`)
    root = readNextRoot(root, bytes).signed
    onRoot(version, bytes)
  }
}

/**
 * Reads the newest state under the newest root. Throws FileError and FormatError, with the reason;
 * what was seen until then has been told to `onFloor`.
 */
export async function readState(root: TufRoot, source: TufSource, reading: Reading): Promise<TufState> {
  const reader = new Reader(root, source, reading)
  reader.assertInForce('root', root)
  const timestamp = await reader.read('timestamp', 'timestamp', root.roles.timestamp, root.keys)
  reader.name('timestamp', [['snapshot', timestamp.signed.snapshot.version]], timestamp.by)
  reader.assertInForce('timestamp', timestamp.signed)

  const { roles, keys } = root
  const snapshot = await reader.read('snapshot', 'snapshot', roles.snapshot, keys, timestamp.signed.snapshot)
  const { meta } = snapshot.signed
  reader.name(
    'snapshot',
    [...meta].map(([role, { version }]) => [role, version] as const),
    snapshot.by,
  )
  reader.assertInForce('snapshot', snapshot.signed)

  const targets = await reader.read(
    'targets',
    'targets',
    roles.targets,
    keys,
    metaOf(snapshot.signed, 'targets'),
  )
  reader.assertInForce('targets', targets.signed)
  const { teams, lapsed } = await readTeams(reader, targets.signed, snapshot.signed)
  const newestUntil = Math.min(...[root, timestamp.signed, snapshot.signed].map(each => each.expires))
  return {
    root,
    targets: targets.signed,
    teams,
    lapsed,
    newestUntil,
    ends: Math.min(newestUntil, targets.signed.expires),
    files: reader.files(),
  }
}

async function readTeams(reader: Reader, targets: TufTargets, { meta }: TufSnapshot) {
  reader.keepTeamsOf(targets)
  const teams = new Map<string, TufTargets>()
  const lapsed = new Map<string, string>()
  for (const delegation of targets.delegations) {
    const { name } = delegation
    const listed = meta.get(name)
    if (listed === undefined) {
      if (reader.floor.knows(name))
        throw new FormatError('snapshot metadata', `no longer has ${name}, which is a team still`, name)
      lapsed.set(name, 'has signed nothing yet')
      continue
    }
    const team = await reader.read(name, 'team', delegation, targets.keys, listed)
    if (team.signed.expires <= reader.floor.seen)
      lapsed.set(name, `ended on ${printTimestamp(team.signed.expires)}`)
    else teams.set(name, withinPaths(team.signed, delegation))
  }
  return { teams, lapsed }
}

/** A team speaks for its own paths alone: others in its metadata are not there. */
function withinPaths(team: TufTargets, { paths }: TufDelegation): TufTargets {
  const targets = new Map([...team.targets].filter(([path]) => paths.some(each => isWithin(path, each))))
  return { ...team, targets }
}

/** In a pattern of TUF `*` matches no slash. Patterns have no other character that means more. */
function isWithin(path: string, pattern: string): boolean {
  const parts = path.split('/')
  const wanted = pattern.split('/')
  return parts.length === wanted.length && wanted.every((glob, at) => matchesSegment(glob, parts[at] ?? ''))
}

/** Never tries again what it has passed: the leftmost place of each literal is as good as any. */
function matchesSegment(glob: string, text: string): boolean {
  const [head = '', ...rest] = glob.split('*')
  const tail = rest.pop()
  if (tail === undefined) return glob === text
  if (!text.startsWith(head)) return false
  let at = head.length
  for (const literal of rest) {
    const found = text.indexOf(literal, at)
    if (found < 0) return false
    at = found + literal.length
  }
  return text.length - tail.length >= at && text.endsWith(tail)
}

function metaOf({ meta }: TufSnapshot, role: string): TufMeta {
  const found = meta.get(role)
  if (found === undefined) throw new FormatError('snapshot metadata', `does not have ${role}`, role)
  return found
}

/** Reads metadata of one state, and raises the floor with each. */
class Reader {
  readonly #source: TufSource
  readonly #reading: Reading
  readonly #files = new Map<string, Uint8Array>()
  #floor: Floor

  constructor(root: TufRoot, source: TufSource, reading: Reading) {
    this.#source = source
    this.#reading = reading
    this.#floor = reading.floor.under(root.roles)
  }

  get floor(): Floor {
    return this.#floor
  }

  /** A metadata, and the keys of its role that signed it. `meta`: what was said of it beforehand. */
  async read<Kind extends MetadataKind>(
    role: string,
    kind: Kind,
    signers: TufRole,
    keys: TufKeys,
    meta?: TufMeta,
  ) {
    const name = meta === undefined ? `${role}.json` : `${meta.version}.${role}.json`
    // Before it is fetched: what goes back is not looked at.
    if (meta !== undefined) this.#floor.assertNotBelow(role, meta.version)
    const limit = METADATA_LIMITS[typeOf(kind)]
    const bytes = await this.#source.read(`metadata/${name}`, Math.min(limit, meta?.length ?? limit))
    if (bytes === undefined) throw new FileError(`metadata/${name} is absent`)
    if (meta !== undefined) assertIsNamed(role, bytes, meta)
    const metadata = parseMetadata(bytes, kind)
    const { by, threshold, isMet } = signedBy(metadata, signers, keys)
    if (!isMet)
      throw new FormatError(
        `${role} metadata`,
        `needs ${threshold} signatures by its keys, has ${by.length}`,
        `version ${metadata.signed.version}`,
      )
    if (meta !== undefined && metadata.signed.version !== meta.version)
      throw new FormatError(
        `${role} metadata`,
        `must be version ${meta.version}, as was named`,
        `version ${metadata.signed.version}`,
      )
    this.#floor.assertFollows(role, metadata)
    this.#rise(this.#floor.withSeen(role, metadata, by))
    this.#files.set(name, bytes)
    return { signed: metadata.signed, by }
  }

  /** Takes note of versions that a metadata names. Throws FormatError if one goes back or is left out. */
  name(
    source: string,
    versions: readonly (readonly [role: string, version: number])[],
    by: readonly string[],
  ): void {
    for (const [role, version] of versions) this.#floor.assertNotBelow(role, version)
    this.#floor.assertStillNamed(source, new Set(versions.map(([role]) => role)))
    this.#rise(this.#floor.withNamed(source, versions, by))
  }

  keepTeamsOf(targets: TufTargets): void {
    this.#rise(this.#floor.withTeamsOf(targets))
  }

  assertInForce(role: string, signed: Pick<TufSigned, 'expires' | 'version'>): void {
    const { seen } = this.#floor
    if (this.#reading.ends === 'may be over' || signed.expires > seen) return
    const isNow = this.#reading.now === undefined || this.#reading.now >= seen
    throw new FormatError(
      `${role} metadata`,
      `ended on ${printTimestamp(signed.expires)}, and it ${isNow ? 'is' : 'was'} ${printTimestamp(seen)}${isNow ? '' : ' at an update before'}`,
      `version ${signed.version}`,
    )
  }

  /** What was read, `timestamp.json` last: written in this order, the state is whole at the end. */
  files(): ReadonlyMap<string, Uint8Array> {
    return new Map([...this.#files].reverse())
  }

  #rise(floor: Floor): void {
    this.#floor = floor
    this.#reading.onFloor(floor)
  }
}

function assertIsNamed(role: string, bytes: Uint8Array, { length, sha256: digest }: TufMeta): void {
  const format = `${role} metadata`
  if (length !== undefined && bytes.length !== length)
    throw new FormatError(format, `has another length than was named, ${length}`, `${bytes.length} bytes`)
  const found = toHex(sha256(bytes))
  if (digest !== undefined && found !== digest)
    throw new FormatError(format, `has another SHA-256 than was named, ${digest}`, found)
}
