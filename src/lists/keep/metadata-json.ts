/** Makes the JSON of metadata, without version and end. */
import { jsonObject } from '../../formats/json/print.ts'
import type { JsonObject, JsonValue } from '../../formats/json/strict.ts'
import { CERTIFICATES } from '../../formats/lists/listed-principals.ts'
import { partDirectory, TEAM_ROLE, teamOfRole } from '../../formats/lists/names.ts'
import { tufKeyJson } from '../../formats/lists/tuf-keys.ts'
import { TOP_ROLES, type TopRole } from '../../formats/lists/tuf-signed.ts'
import { toHex } from '../../primitives/hex.ts'
import { sha256 } from '../../primitives/sodium.ts'
import type { DraftPart } from './draft.ts'
import type { Keeper, Keepers, KeptRole } from './keepers.ts'

const SPEC_VERSION = '1.0.31'

/** Everything of a metadata that its keepers decide about. */
export type Core = readonly (readonly [string, JsonValue])[]

/** The core of root metadata. */
export function rootCore({ keepers, roles }: Keepers): Core {
  const top = TOP_ROLES.map(role => [role, roles.get(role) ?? NOBODY] as const)
  return [
    ['consistent_snapshot', true],
    [
      'keys',
      keysJson(
        keepers,
        top.map(([, role]) => role),
      ),
    ],
    ['roles', jsonObject(top.map(([name, role]) => [name, jsonObject(roleEntries(keepers, role))]))],
  ]
}

const NOBODY: KeptRole = { keepers: [], threshold: 1 }

/** The core of targets metadata with delegations to all teams. */
export function targetsCore({ keepers, roles }: Keepers, { files }: DraftPart): Core {
  const teams = [...roles].filter(([name]) => TEAM_ROLE.test(name)).sort(([a], [b]) => (a < b ? -1 : 1))
  const delegations = teams.map(([name, role]) =>
    jsonObject([
      ['name', name],
      ...roleEntries(keepers, role),
      ['paths', pathsOfTeam(name)],
      ['terminating', true],
    ]),
  )
  const targets: Core = [['targets', filesJson(files)]]
  if (delegations.length === 0) return targets
  const keys = keysJson(
    keepers,
    teams.map(([, role]) => role),
  )
  return [
    [
      'delegations',
      jsonObject([
        ['keys', keys],
        ['roles', delegations],
      ]),
    ],
    ...targets,
  ]
}

/** The core of a team's metadata. */
export function teamCore({ files }: DraftPart): Core {
  return [['targets', filesJson(files)]]
}

/** The core of snapshot metadata: the versions of all targets metadata, by role. */
export function snapshotCore(versions: ReadonlyMap<string, number>): Core {
  return [['meta', metaJson(versions)]]
}

/** The core of timestamp metadata. */
export function timestampCore(snapshotVersion: number): Core {
  return [['meta', metaJson(new Map([['snapshot', snapshotVersion]]))]]
}

/** What is signed: a core with its type, version and end as TUF writes it. */
export function signedJson(
  type: TopRole,
  core: Core,
  { version, expires }: { version: number; expires: string },
): JsonObject {
  return jsonObject([
    ['_type', type],
    ['expires', expires],
    ['spec_version', SPEC_VERSION],
    ['version', version],
    ...core,
  ])
}

/** The files of a team, certificates included: in TUF `*` matches no slash. */
function pathsOfTeam(role: string): readonly string[] {
  const base = partDirectory(teamOfRole(role))
  return [`${base}*`, `${base}${CERTIFICATES}/*`]
}

function roleEntries(keepers: Keepers['keepers'], { keepers: names, threshold }: KeptRole): Core {
  const keyids = names.flatMap(name => keepers.get(name)?.id ?? []).sort()
  return [
    ['keyids', keyids],
    ['threshold', threshold],
  ]
}

function keysJson(keepers: Keepers['keepers'], roles: readonly KeptRole[]): JsonObject {
  const named = new Set(roles.flatMap(({ keepers }) => keepers))
  const used: Keeper[] = [...keepers.values()].filter(({ name }) => named.has(name))
  return jsonObject(
    used.sort((a, b) => (a.id < b.id ? -1 : 1)).map(({ id, publicKey }) => [id, tufKeyJson(publicKey)]),
  )
}

function filesJson(files: ReadonlyMap<string, Uint8Array>): JsonObject {
  const sorted = [...files].sort(([a], [b]) => (a < b ? -1 : 1))
  return jsonObject(
    sorted.map(([path, bytes]) => [
      path,
      jsonObject([
        ['hashes', jsonObject([['sha256', toHex(sha256(bytes))]])],
        ['length', bytes.length],
      ]),
    ]),
  )
}

function metaJson(versions: ReadonlyMap<string, number>): JsonObject {
  const sorted = [...versions].sort(([a], [b]) => (a < b ? -1 : 1))
  return jsonObject(sorted.map(([role, version]) => [`${role}.json`, jsonObject([['version', version]])]))
}
