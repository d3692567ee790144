import { FileError } from '../../files/regular-file.ts'
import { makeScratch, removeScratch } from '../../files/scratch.ts'
import { LIST_LIMIT } from '../../formats/lists/document.ts'
import { targetFile } from '../../formats/lists/target-path.ts'
import { METADATA_LIMITS, parseMetadata, type TufMetadata } from '../../formats/lists/tuf-metadata.ts'
import type { TufRoot } from '../../formats/lists/tuf-signed.ts'
import { signedBy } from '../../formats/lists/tuf-threshold.ts'
import { printTimestamp } from '../../formats/timestamp.ts'
import { toHex } from '../../primitives/hex.ts'
import { printable } from '../../primitives/printable.ts'
import { sha256 } from '../../primitives/sodium.ts'
import { ROOT_LIMIT } from '../tuf/root-chain.ts'
import { needWithin, readWithin, removeWithin, writeWithin } from './directory.ts'
import { printMetadata } from './pending.ts'
import type { Pending, Plan } from './plan.ts'
import { GET_NEWEST, metaFile, type Repository, readRepository, readTarget } from './repository.ts'

/** Something is not signed by enough, or ended. */
export class NotPublishable extends Error {
  override readonly name = 'NotPublishable'
  /** Options of `nixsig list sign` that mend it. */
  readonly mend: string

  constructor(message: string, mend = '') {
    super(message)
    this.mend = mend
  }
}

/** What was published. */
export interface Publication {
  readonly repository: Repository
  /** Roles that have a new version. */
  readonly roles: readonly string[]
  /** Roles whose pending metadata is not signed by enough, and was left out. */
  readonly left: readonly string[]
}

/**
 * Publishes what enough keepers have signed: into the keeper's directory, and from there into
 * another, for a server. Throws NotPublishable if too few signed or something has ended, and
 * FileError if `out` has a newer state or another list.
 */
export function publish(directory: string, out: string, plan: Plan, now: number): Publication {
  const ready = readyOf(plan)
  const staged = stagedFiles(plan, ready)
  const scratch = makeScratch('list', '/tmp')
  try {
    if (plan.published !== undefined) copyRepository(directory, plan.published, scratch)
    writeAll(scratch, staged)
    const repository = readRepository(scratch)
    if (repository === undefined) throw new NotPublishable('it has no root yet: nobody has signed one')
    assertInForce(repository, now)
    assertNotBack(scratch, repository, out)
    assertNoFork(out, repository)
    copyRepository(scratch, repository, directory)
    for (const { role } of ready) removeWithin(directory, `pending/${role}`)
    copyRepository(directory, repository, out)
    const left = plan.pending.filter(each => !ready.includes(each)).map(({ role }) => role)
    return { repository, roles: ready.map(({ role }) => role), left }
  } finally {
    removeScratch(scratch)
  }
}

/**
 * The pending metadata that can be published together. A team that has not signed is left out, and
 * so is a new root that its keepers have not, if the old one suffices for the rest.
 */
function readyOf({ pending, published }: Plan): readonly Pending[] {
  const needed = pending.filter(({ kind, isComplete }) => kind !== 'team' || isComplete)
  const missing = needed.filter(({ isComplete }) => !isComplete)
  if (missing.length === 0) return needed
  const root = published?.root.signed
  const rest = needed.filter(({ role }) => role !== 'root')
  const isEnough = root !== undefined && rest.length > 0 && rest.every(each => suffices(each, root))
  if (isEnough) return rest
  const words = missing.map(({ role, signers }) => {
    const lacking = signers.filter(({ signed }) => !signed.isMet)
    const counts = lacking.map(
      ({ whose, signed }) =>
        `${signed.by.length} of ${signed.threshold}${role === 'root' ? ` by the ${whose} root's keepers` : ''}`,
    )
    return `${role} (${counts.join(', ')})`
  })
  throw new NotPublishable(`not signed by enough keepers: ${words.join('; ')}`)
}

function suffices({ kind, metadata, isComplete }: Pending, root: TufRoot): boolean {
  if (kind === 'team' || kind === 'root') return isComplete
  return signedBy(metadata, root.roles[kind], root.keys).isMet
}

/** Files by their paths, in an order in which a reader never meets a name before what it names. */
type Files = readonly (readonly [path: string, contents: Uint8Array | string])[]

function stagedFiles({ draft }: Plan, ready: readonly Pending[]): Files {
  const parts = [
    ...(ready.some(({ kind }) => kind === 'targets') ? [draft.list] : []),
    ...ready.flatMap(({ role }) => draft.teams.get(role) ?? []),
  ]
  const targets = parts.flatMap(({ files }) =>
    [...files].map(([path, bytes]) => [targetFile(path, toHex(sha256(bytes))), bytes] as const),
  )
  const rank = (role: string) => ['snapshot', 'root', 'timestamp'].indexOf(role)
  const inOrder = [...ready].sort((a, b) => rank(a.role) - rank(b.role))
  return [
    ...targets,
    ...inOrder.map(
      ({ role, metadata }) =>
        [`metadata/${metaFile(role, metadata.signed)}`, printMetadata(metadata)] as const,
    ),
  ]
}

function writeAll(directory: string, files: Files): void {
  for (const [path, contents] of files) writeWithin(directory, path, contents)
}

/** Copies a verified repository, the timestamp last. What is there already stays as it is. */
function copyRepository(
  from: string,
  { root, snapshot, targets, teams, timestamp }: Repository,
  to: string,
): void {
  for (const { signed } of [targets, ...teams.values()]) {
    for (const [path, { sha256 }] of signed.targets) {
      const bytes = readTarget(from, signed, path)
      if (bytes !== undefined) writeNew(to, targetFile(path, sha256), bytes)
    }
  }
  const copy = (name: string, limit: number) =>
    writeNew(to, `metadata/${name}`, needWithin(from, `metadata/${name}`, limit))
  for (const [role, { signed }] of teams) copy(metaFile(role, signed), METADATA_LIMITS.targets)
  copy(metaFile('targets', targets.signed), METADATA_LIMITS.targets)
  copy(metaFile('snapshot', snapshot.signed), METADATA_LIMITS.snapshot)
  for (let version = 1; version <= root.signed.version; version++)
    copy(metaFile('root', { version }), METADATA_LIMITS.root)
  copy(metaFile('timestamp', timestamp.signed), METADATA_LIMITS.timestamp)
}

function writeNew(directory: string, path: string, contents: Uint8Array): void {
  if (readWithin(directory, path, LIST_LIMIT)?.equals(contents) !== true)
    writeWithin(directory, path, contents)
}

function assertInForce(repository: Repository, now: number): void {
  const { root, targets, snapshot, timestamp } = repository
  for (const [role, { signed }] of Object.entries({ root, targets, snapshot, timestamp })) {
    if (signed.expires > now) continue
    throw new NotPublishable(
      `${role} ended at ${printTimestamp(signed.expires)}: nobody would take it`,
      ` --renew ${role}`,
    )
  }
}

/**
 * Throws FileError if a directory has another list, or anything newer. Only versions count here:
 * a publication that was interrupted between two files is completed.
 */
function assertNotBack(from: string, ours: Repository, out: string): void {
  for (let version = 1; version <= ROOT_LIMIT; version++) {
    const path = `metadata/${metaFile('root', { version })}`
    const there = readWithin(out, path, METADATA_LIMITS.root)
    if (there === undefined) break
    if (version > ours.root.signed.version) throw isNewer(out, 'root', version, ours.root)
    if (!there.equals(needWithin(from, path, METADATA_LIMITS.root)))
      throw new FileError(
        `${printable(out)} has another ${path}: it is another list; next: name another directory to publish in`,
      )
  }
  const timestamp = readWithin(out, 'metadata/timestamp.json', METADATA_LIMITS.timestamp)
  if (timestamp === undefined) return
  const theirs = parseMetadata(timestamp, 'timestamp').signed
  if (theirs.version === ours.timestamp.signed.version)
    assertSame(out, 'timestamp.json', timestamp, ours.timestamp)
  if (theirs.version > ours.timestamp.signed.version)
    throw isNewer(out, 'timestamp', theirs.version, ours.timestamp)
  if (theirs.snapshot.version > ours.snapshot.signed.version)
    throw isNewer(out, 'snapshot', theirs.snapshot.version, ours.snapshot)
}

/** Two states of one version: keepers went different ways from the same state. */
function assertNoFork(out: string, { targets, teams, snapshot }: Repository): void {
  for (const [role, metadata] of [['targets', targets], ['snapshot', snapshot], ...teams] as const) {
    const name = metaFile(role, metadata.signed)
    const there = readWithin(out, `metadata/${name}`, METADATA_LIMITS.targets)
    if (there !== undefined) assertSame(out, name, there, metadata)
  }
}

function assertSame(out: string, name: string, bytes: Uint8Array, { message, signed }: TufMetadata): void {
  if (Buffer.compare(parseMetadata(bytes, signed.type).message, message) === 0) return
  throw new FileError(
    `${printable(out)} has another ${name}, which keepers have signed: nothing takes its place; ${GET_NEWEST}`,
  )
}

function isNewer(out: string, role: string, version: number, ours: TufMetadata): FileError {
  return new FileError(
    `${printable(out)} has version ${version} of ${role}, and this is version ${ours.signed.version}: nothing goes back; ${GET_NEWEST}`,
  )
}
