/** How a keeper's directory stands: what changed, who still has to sign, and what ends when. */

import { LIST_FILE, parseList } from '../../formats/lists/document.ts'
import { partDirectory, teamOfRole } from '../../formats/lists/names.ts'
import type { TufRole } from '../../formats/lists/tuf-keys.ts'
import type { TufMetadata } from '../../formats/lists/tuf-metadata.ts'
import { TOP_ROLES, type TufTargets } from '../../formats/lists/tuf-signed.ts'
import { type Change, changesOf } from './changes.ts'
import type { DraftPart } from './draft.ts'
import type { Keepers } from './keepers.ts'
import type { Pending, Plan } from './plan.ts'
import { readTarget } from './repository.ts'

/** A keeper: the name in keepers.json, or the key id of somebody who is not in it any more. */
export interface KeeperReport {
  readonly name: string
  readonly keyid: string
}

/** A role with metadata that was published or is pending. */
export interface RoleReport {
  readonly role: string
  /** What was published. Seconds since 1970. */
  readonly published?: { readonly version: number; readonly ends: number }
  readonly pending?: {
    readonly version: number
    readonly ends: number
    /** All have to be met. */
    readonly needs: readonly {
      readonly whose: 'old' | 'new'
      readonly threshold: number
      readonly signed: readonly KeeperReport[]
      /** Who could sign and has not. */
      readonly unsigned: readonly KeeperReport[]
    }[]
    /** Whose signatures are over something else. */
    readonly bad: readonly KeeperReport[]
    /** Key ids of signatures by nobody who signs for this role. */
    readonly strangers: readonly string[]
    readonly isComplete: boolean
  }
}

/** The whole report. */
export interface Report {
  readonly name: string
  /** SHA-256 of the first root, once it is published. */
  readonly fingerprint?: string
  readonly roles: readonly RoleReport[]
  /** By `list`, `team-NAME` and `keepers`. */
  readonly changes: ReadonlyMap<string, readonly Change[]>
}

/** Puts it together. Throws FileError and FormatError if a published list cannot be read. */
export function reportOf(directory: string, plan: Plan): Report {
  const { draft, published, pending } = plan
  const names = new Map([...draft.keepers.keepers.values()].map(({ id, name }) => [id, name]))
  const metadata = new Map<string, TufMetadata>([
    ...TOP_ROLES.flatMap(role => (published === undefined ? [] : [[role, published[role]] as const])),
    ...(published?.teams ?? []),
  ])
  const roles = new Set([...TOP_ROLES, ...metadata.keys(), ...pending.map(({ role }) => role)])
  return {
    name: draft.list.document.name,
    ...(published !== undefined && { fingerprint: published.fingerprint }),
    roles: [...roles].map(role =>
      roleReport(
        role,
        metadata.get(role),
        pending.find(each => each.role === role),
        names,
      ),
    ),
    changes: changesByPart(directory, plan),
  }
}

function roleReport(
  role: string,
  published: TufMetadata | undefined,
  pending: Pending | undefined,
  names: ReadonlyMap<string, string>,
): RoleReport {
  const reports = (ids: readonly string[]) =>
    ids.map(keyid => ({ keyid, name: names.get(keyid) ?? keyid.slice(0, 16) }))
  const stands = ({ signed }: TufMetadata) => ({ version: signed.version, ends: signed.expires })
  if (pending === undefined) return { role, ...(published && { published: stands(published) }) }
  const { metadata, signers, isComplete } = pending
  const known = new Set(signers.flatMap(each => each.role.keyids))
  return {
    role,
    ...(published && { published: stands(published) }),
    pending: {
      ...stands(metadata),
      needs: signers.map(({ whose, role, signed }) => ({
        whose,
        threshold: signed.threshold,
        signed: reports(signed.by),
        unsigned: reports(role.keyids.filter(id => !signed.by.includes(id))),
      })),
      bad: reports([...new Set(signers.flatMap(({ signed }) => signed.bad))]),
      strangers: metadata.signatures.map(({ keyid }) => keyid).filter(id => !known.has(id)),
      isComplete,
    },
  }
}

function changesByPart(
  directory: string,
  { draft, published }: Plan,
): ReadonlyMap<string, readonly Change[]> {
  const parts = new Map<string, readonly Change[]>()
  const add = (part: string, changes: readonly Change[]) => {
    if (changes.length > 0) parts.set(part, changes)
  }
  add('keepers', keeperChanges(draft.keepers, published))
  add('list', partChanges(directory, published?.targets.signed, draft.list, ''))
  for (const [role, part] of draft.teams)
    add(
      role,
      partChanges(directory, published?.teams.get(role)?.signed, part, partDirectory(teamOfRole(role))),
    )
  return parts
}

function partChanges(
  directory: string,
  targets: TufTargets | undefined,
  { document, files }: DraftPart,
  base: string,
): readonly Change[] {
  const bytes = targets && readTarget(directory, targets, `${base}${LIST_FILE}`)
  const before = bytes && parseList(bytes, base === '' ? 'list' : 'team')
  const changed = [...files].filter(([path, bytes]) => {
    const isKnown = targets?.targets.has(path) === true
    return path !== `${base}${LIST_FILE}` && isKnown && !isFile(bytes, directory, targets, path)
  })
  return [
    ...changesOf(before, document),
    ...changed.map(([path]) => ({ kind: 'changed', what: 'certificate', says: path }) as const),
  ]
}

function isFile(bytes: Uint8Array, directory: string, targets: TufTargets, path: string): boolean {
  const before = readTarget(directory, targets, path)
  return before !== undefined && Buffer.compare(bytes, before) === 0
}

/** Who signs what, against what is in force. */
function keeperChanges({ keepers, roles }: Keepers, published: Plan['published']): readonly Change[] {
  const names = new Map([...keepers.values()].map(({ id, name }) => [id, name]))
  const words = ({ keyids, threshold }: TufRole) =>
    `${threshold} of ${keyids
      .map(id => `${names.get(id) ?? '(unknown)'} ${id.slice(0, 16)}`)
      .sort()
      .join(', ')}`
  const root = published?.root.signed
  const before = new Map<string, string>([
    ...TOP_ROLES.flatMap(role => (root === undefined ? [] : [[role, words(root.roles[role])] as const])),
    ...(published?.targets.signed.delegations ?? []).map(each => [each.name, words(each)] as const),
  ])
  const after = new Map(
    [...roles].map(([role, { keepers: who, threshold }]) => [
      role,
      words({ keyids: who.flatMap(name => keepers.get(name)?.id ?? []), threshold }),
    ]),
  )
  const changes: Change[] = []
  for (const [role, says] of before) if (!after.has(role)) changes.push({ kind: 'removed', what: role, says })
  for (const [role, says] of after) {
    const old = before.get(role)
    if (old !== says) changes.push({ kind: old === undefined ? 'added' : 'changed', what: role, says })
  }
  return changes
}
