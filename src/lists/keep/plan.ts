/** What there is to sign and by whom, and what would be published. */
import type { TufKeys, TufRole } from '../../formats/lists/tuf-keys.ts'
import type { TufMetadata } from '../../formats/lists/tuf-metadata.ts'
import {
  type MetadataKind,
  type TopRole,
  type TufRoot,
  type TufTargets,
  typeOf,
} from '../../formats/lists/tuf-signed.ts'
import { type Signed, signedBy } from '../../formats/lists/tuf-threshold.ts'
import { type Draft, readDraft } from './draft.ts'
import { type Core, rootCore, snapshotCore, targetsCore, teamCore, timestampCore } from './metadata-json.ts'
import { type PendingMetadata, pendingFor } from './pending.ts'
import { type Repository, readRepository } from './repository.ts'

/** Who has to sign a pending metadata. */
export interface Signers {
  /** `old`: those of the root that is in force; `new`: those that the metadata will be verified by. */
  readonly whose: 'old' | 'new'
  readonly role: TufRole
  readonly keys: TufKeys
  readonly signed: Signed
}

export interface Pending extends PendingMetadata {
  /** `root`, `targets`, `team-NAME`, `snapshot` or `timestamp`. */
  readonly role: string
  readonly kind: MetadataKind
  /** All of them have to be met. Root has two: its old keepers and its new ones. */
  readonly signers: readonly Signers[]
  readonly isComplete: boolean
}

/** A keeper's directory as it stands. */
export interface Plan {
  readonly draft: Draft
  readonly published: Repository | undefined
  /** In the order in which they are signed. */
  readonly pending: readonly Pending[]
}

/** Roles to be signed anew although they say the same, and the time. */
export interface PlanOptions {
  readonly renew: ReadonlySet<string>
  /** Seconds since 1970. */
  readonly now: number
}

/** Reads a keeper's directory and works out what there is to sign. Throws FileError and FormatError. */
export function planOf(directory: string, options: PlanOptions): Plan {
  const published = readRepository(directory)
  const draft = readDraft(directory)
  const making: Making = { directory, draft, published, options, pending: [] }
  const root = addRoot(making)
  const targets = addTargets(making, root)
  for (const delegation of targets.delegations) addTeam(making, delegation, targets.keys)
  const snapshot = addTop(making, root, 'snapshot', snapshotCore(versions(making)))
  addTop(making, root, 'timestamp', timestampCore(snapshot))
  return { draft, published, pending: making.pending }
}

interface Making {
  readonly directory: string
  readonly draft: Draft
  readonly published: Repository | undefined
  readonly options: PlanOptions
  readonly pending: Pending[]
}

/** The root that will be in force. */
function addRoot(making: Making): TufRoot {
  const { draft, published } = making
  const core = rootCore(draft.keepers)
  const pending = pendingOf(making, { role: 'root', kind: 'root', core, published: published?.root })
  if (pending === undefined) return rootOf(published?.root)
  const { metadata } = pending
  const root = rootOf(metadata as TufMetadata<TufRoot>)
  const old = published?.root.signed
  const signers = [
    ...(old === undefined ? [] : [signersOf('old', metadata, old.roles.root, old.keys)]),
    signersOf('new', metadata, root.roles.root, root.keys),
  ]
  add(making, { role: 'root', kind: 'root', ...pending, signers })
  return root
}

function rootOf(metadata: TufMetadata<TufRoot> | undefined): TufRoot {
  if (metadata === undefined) throw new Error('there is a root, published or pending')
  return metadata.signed
}

function addTargets(making: Making, root: TufRoot): TufTargets {
  const { draft, published } = making
  addTop(making, root, 'targets', targetsCore(draft.keepers, draft.list))
  const pending = making.pending.find(({ role }) => role === 'targets')?.metadata ?? published?.targets
  if (pending === undefined) throw new Error('there are targets, published or pending')
  return pending.signed as TufTargets
}

/** Returns the version that will be in force. */
function addTop(making: Making, root: TufRoot, role: Exclude<TopRole, 'root'>, core: Core): number {
  const published = making.published?.[role]
  const signers = root.roles[role]
  const isByOthers = published !== undefined && !signedBy(published, signers, root.keys).isMet
  const pending = pendingOf(making, { role, kind: role, core, published, isByOthers })
  if (pending === undefined) return published?.signed.version ?? 0
  add(making, {
    role,
    kind: role,
    ...pending,
    signers: [signersOf('new', pending.metadata, signers, root.keys)],
  })
  return pending.metadata.signed.version
}

function addTeam(making: Making, delegation: TufTargets['delegations'][number], keys: TufKeys): void {
  const role = delegation.name
  const part = making.draft.teams.get(role)
  if (part === undefined) return
  const published = making.published?.teams.get(role)
  const isByOthers = published !== undefined && !signedBy(published, delegation, keys).isMet
  const pending = pendingOf(making, { role, kind: 'team', core: teamCore(part), published, isByOthers })
  if (pending === undefined) return
  add(making, {
    role,
    kind: 'team',
    ...pending,
    signers: [signersOf('new', pending.metadata, delegation, keys)],
  })
}

/**
 * What the snapshot names. A team's metadata counts when it is signed by enough, so that no team
 * keeps others waiting. Users refuse a snapshot that has forgotten a role, so none is left out.
 */
function versions({ published, pending }: Making): ReadonlyMap<string, number> {
  const named = [...(published?.snapshot.signed.meta ?? [])]
  const versions = new Map(named.map(([role, { version }]) => [role, version]))
  for (const { role, kind, metadata, isComplete } of pending) {
    if (kind === 'targets' || (kind === 'team' && isComplete)) versions.set(role, metadata.signed.version)
  }
  return versions
}

function pendingOf(
  { directory, draft, options, published: repository }: Making,
  wanted: {
    role: string
    kind: MetadataKind
    core: Core
    published: TufMetadata | undefined
    isByOthers?: boolean
  },
): PendingMetadata | undefined {
  const { role, kind, core, published, isByOthers = false } = wanted
  const days = draft.keepers.days[typeOf(kind)]
  const before = published?.signed.version ?? repository?.snapshot.signed.meta.get(role)?.version ?? 0
  const renew = options.renew.has(role) || isByOthers
  return pendingFor(directory, { role, kind, core, published, before, renew, days }, options.now)
}

function signersOf(whose: Signers['whose'], metadata: TufMetadata, role: TufRole, keys: TufKeys): Signers {
  return { whose, role, keys, signed: signedBy(metadata, role, keys) }
}

function add(making: Making, pending: Omit<Pending, 'isComplete'>): void {
  making.pending.push({ ...pending, isComplete: pending.signers.every(({ signed }) => signed.isMet) })
}
